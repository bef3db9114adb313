"""Cost of an encoding and of a prompt in arithmetic, time and memory, for every published architecture.

Arithmetic is counted (and checked by `tests/recommendation/test_costs.py`); times and memory are measured on one
machine (`benchmarks/results/inference_cost.csv`, checked by the same test), in float32 on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from samara.checkpoints.record import Checkpoint

MEASURED_ON = "AMD EPYC, 2 cores (AVX2)"
"""The machine on which the times were measured.

Those of SAM 2, HQ-SAM 2, EfficientViT-SAM, EfficientSAM, EdgeSAM, RepViT-SAM, SlimSAM, LiteMedSAM and SAM-Med2D come
from an Intel Xeon with 2 cores, and are scaled to this machine by what MobileSAM takes on both.
"""

MATRIX_FLOPS = 1.241e11
"""Floating-point operations per second of a large matrix product on it, see `throughput.measure_matrix_speed`."""

RUNTIME_BYTES = 0.34e9
"""Resident set of Python, PyTorch and samara without any network."""

CUDA_CONTEXT_BYTES = 0.5e9
"""Memory of CUDA's context and libraries, besides PyTorch's tensors; rule of thumb."""

POINTS_PER_SIDE = 32
"""Default grid of automatic mask generation, in the official code and here."""

PROMPTS_AT_A_TIME = 8
"""Batch size of prompts when their memory was measured."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of one variant at one input size.

    Attributes:
        encoder_flops: operations of one encoding, counting a multiply-add as two; for a detector, of its one pass.
        prompt_flops: operations of one of many points, with three masks; 0 for a detector.
        encode_s: seconds of one encoding.
        prompt_s: seconds of one of many prompts; 0 for a detector.
        encode_bytes: peak memory of an encoding beyond the network.
        prompts_bytes: peak memory of decoding `PROMPTS_AT_A_TIME` prompts together by the code path of GPUs, which
            takes more than that of CPUs.
    """

    encoder_flops: float
    prompt_flops: float
    encode_s: float
    prompt_s: float
    encode_bytes: float
    prompts_bytes: float


TRAINING_BYTES: Mapping[tuple[str, int], float] = {
    ("vit_b", 1024): 1.356e9,
    ("vit_l", 1024): 1.465e9,
    ("vit_h", 1024): 1.338e9,
    ("vit_t", 1024): 1.410e9,
    ("vit_t", 512): 0.512e9,
    ("hq_vit_t", 1024): 1.807e9,
    ("sam2.1_hiera_t", 1024): 1.611e9,
}
"""Peak memory of a step of fine-tuning the mask decoder from cached embeddings, beyond the network.

Default settings, float32 on a CPU; checked against `benchmarks/results/finetuning_memory.csv` by
`tests/recommendation/test_costs.py`.
"""

TRAINING_RATIO = 6.0
"""For other variants: the same as a multiple of `Cost.prompts_bytes`; at most this for those measured."""


def _cost(*numbers: float) -> Cost:
    flops, prompt_flops, encode_s, prompt_s, encode_mb, prompts_mb = numbers
    return Cost(
        encoder_flops=flops * 1e9,
        prompt_flops=prompt_flops * 1e9,
        encode_s=encode_s,
        prompt_s=prompt_s,
        encode_bytes=encode_mb * 1e6,
        prompts_bytes=prompts_mb * 1e6,
    )


# GFLOP of an encoding and of a prompt, seconds of an encoding and of a prompt, MB of an encoding and of eight prompts.
# HQ encoders are SAM's; returning an early block has no measurable cost.
_HIERA = {
    "t": _cost(292.4, 3.635, 2.547, 0.02122, 520, 277),
    "s": _cost(360.1, 3.635, 2.845, 0.02264, 571.7, 330.3),
    "b+": _cost(646.8, 3.635, 5.168, 0.02164, 663, 309.4),
    "l": _cost(1822.8, 3.635, 16.78, 0.02506, 550, 317.0),
}

COSTS: Mapping[tuple[str, int], Cost] = {
    ("vit_b", 1024): _cost(972.1, 3.618, 13.68, 0.02534, 359, 315),
    ("vit_l", 1024): _cost(2985.7, 3.618, 33.97, 0.02159, 552, 273),
    ("vit_h", 1024): _cost(5961.1, 3.618, 50.48, 0.02055, 673, 259),
    ("slimsam_50", 1024): _cost(306.9, 3.618, 9.652, 0.0229, 246.6, 342.2),
    ("slimsam_77", 1024): _cost(93.11, 3.618, 8.523, 0.02624, 193.0, 312.3),
    ("vit_t", 1024): _cost(77.54, 3.618, 1.586, 0.02147, 314, 403),
    ("vit_t", 512): _cost(20.60, 0.9364, 0.3724, 0.006727, 120.7, 117.9),
    ("hq_vit_b", 1024): _cost(972.1, 8.463, 13.68, 0.1231, 359, 525),
    ("hq_vit_l", 1024): _cost(2985.7, 8.463, 33.97, 0.1095, 552, 533),
    ("hq_vit_h", 1024): _cost(5961.1, 8.463, 50.48, 0.115, 673, 484),
    ("hq_vit_t", 1024): _cost(77.54, 8.463, 1.586, 0.1125, 314, 516),
    **{
        (f"{generation}_hiera_{size}", 1024): cost for generation in ("sam2", "sam2.1") for size, cost in _HIERA.items()
    },
    ("sam2.1_hq_hiera_l", 1024): _cost(1822.8, 8.488, 15.36, 0.1332, 550, 748.5),
    ("efficientvit_sam_l0", 512): _cost(69.55, 3.618, 0.8603, 0.02099, 132.6, 307),
    ("efficientvit_sam_l1", 512): _cost(97.96, 3.618, 1.1672, 0.02324, 141, 315.3),
    ("efficientvit_sam_l2", 512): _cost(137.1, 3.618, 1.1884, 0.02379, 162.0, 290),
    ("efficientvit_sam_xl0", 1024): _cost(369.6, 3.618, 3.911, 0.02292, 329, 324.9),
    ("efficientvit_sam_xl1", 1024): _cost(643.7, 3.618, 6.617, 0.02213, 330, 354),
    ("edge_sam", 1024): _cost(40.09, 3.618, 0.6396, 0.03203, 150.6, 281.1),
    ("repvit_sam", 1024): _cost(226.6, 3.618, 3.638, 0.02603, 296.3, 289.0),
    ("efficient_sam_ti", 1024): _cost(204.5, 3.684, 1.729, 0.03402, 85.1, 303.8),
    ("efficient_sam_s", 1024): _cost(491.2, 3.684, 4.832, 0.03612, 168.6, 269.9),
    ("lite_medsam", 256): _cost(74.95, 3.618, 2.162, 0.02743, 313.6, 275.8),
    ("sam_med2d_b", 256): _cost(91.68, 0.2660, 1.566, 0.003711, 197.0, 79.3),
    ("fastsam_s", 1024): _cost(102.2, 0, 1.061, 0, 340, 0),
    ("fastsam_x", 1024): _cost(839.5, 0, 7.379, 0, 720, 0),
    ("yolov8n_seg", 640): _cost(12.00, 0, 0.1455, 0, 88, 0),
    ("yolov8s_seg", 640): _cost(40.09, 0, 0.3337, 0, 152, 0),
    ("yolov8m_seg", 640): _cost(104.5, 0, 1.029, 0, 249, 0),
    ("yolov8l_seg", 640): _cost(210.4, 0, 1.887, 0, 282, 0),
    ("yolov8x_seg", 640): _cost(328.4, 0, 2.522, 0, 443, 0),
    ("yolo11n_seg", 640): _cost(9.800, 0, 0.1506, 0, 104, 0),
    ("yolo11s_seg", 640): _cost(33.07, 0, 0.4724, 0, 166, 0),
    ("yolo11m_seg", 640): _cost(113.3, 0, 0.9354, 0, 295, 0),
    ("yolo11l_seg", 640): _cost(132.4, 0, 1.157, 0, 275, 0),
    ("yolo11x_seg", 640): _cost(296.7, 0, 2.453, 0, 404, 0),
}
"""Costs by variant and input size."""


def cost_of(checkpoint: Checkpoint) -> Cost:
    """Return the cost of a checkpoint at the input size it was trained for."""
    return COSTS[checkpoint.variant, checkpoint.input_size]


def training_bytes(checkpoint: Checkpoint) -> float:
    """Return the memory of a step of fine-tuning the mask decoder, beyond the network."""
    measured = TRAINING_BYTES.get((checkpoint.variant, checkpoint.input_size))
    return measured or TRAINING_RATIO * cost_of(checkpoint).prompts_bytes
