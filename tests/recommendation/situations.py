"""Situations with the right answer and why: what an expert would recommend, written down apart from the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from samara.measurement.records.records import Interval
from samara.system.machine import Machine
from tests.recommendation.samples import HERE, record

BOARD = Machine(
    processor="Cortex-A76",
    architecture="aarch64",
    system="Linux 6",
    cores=4,
    instruction_sets=("NEON",),
    memory_bytes=8_000_000_000,
    gpus=(),
    versions={},
)
SMALL_EFFICIENT = ("efficientvit_sam_l0", "efficientvit_sam_l1", "efficientvit_sam_l2")
LARGE_EFFICIENT = ("efficientvit_sam_xl0", "efficientvit_sam_xl1")


@dataclass(frozen=True)
class Situation:
    """What somebody asks, and the right answer.

    Attributes:
        who: the situation in words.
        asked: arguments of `samara.recommend`.
        right: the checkpoints of which the first place must be one; empty if nothing may be recommended.
        why: why an expert says so.
        told: what the text must say.
        untold: what the text must not say.
    """

    who: str
    asked: Mapping[str, Any]
    right: tuple[str, ...]
    why: str
    told: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    at_hand: tuple[str, ...] = ("samara_mini",)
    records: tuple[Any, ...] = field(default=())


def _seconds(name: str, encode: float) -> tuple[Any, ...]:
    return (
        record(name, "encode_seconds", encode, batch_size=1),
        record(name, "decode_1_seconds", 0.02),
    )


def _toy(name: str, value: float) -> tuple[Any, ...]:
    spread = Interval(low=value - 0.2, high=min(1.0, value + 0.2), kind="95 % bootstrap")
    return tuple(
        record(name, metric, value, n=11, images=4, interval=spread) for metric in ("box_iou", "centre_click_iou")
    )


def _measured(name: str, value: float, domain: str) -> tuple[Any, ...]:
    return tuple(record(name, metric, value, domain=domain) for metric in ("box_iou", "centre_click_iou"))


SITUATIONS = (
    Situation(
        "a laptop without a GPU, photos, clicks",
        {"ram_gb": 16},
        SMALL_EFFICIENT,
        "half a second for 0.96 to 0.98 of ViT-H; ViT-B takes 8 s for less, MobileSAM is slower and worse",
        told=("All times are estimates for a CPU with 16 GB",),
    ),
    Situation(
        "a GPU of 4 GB, interactive annotation",
        {"vram_gb": 4, "task": "interactive annotation"},
        (*SMALL_EFFICIENT, "efficientvit_sam_xl0"),
        "ViT-H does not fit, and whoever clicks waits for each image",
        told=("memory   sam_vit_h",),
    ),
    Situation(
        "a GPU of 6 GB, clicks on medical images in a product",
        {"vram_gb": 6, "task": "interactive annotation", "domain": "medical", "commercial": True},
        LARGE_EFFICIENT,
        "quality counts more, and 0.3 s is no wait; MedSAM takes no clicks, others have no stated licence",
        told=("sam_med2d_b",),
        untold=("vit_b_medical_imaging (",),
    ),
    Situation(
        "a GPU of 24 GB, the best masks",
        {"vram_gb": 24, "task": "maximum quality"},
        ("sam_hq_vit_h",),
        "it is the best where it was compared, and takes half a second there",
    ),
    Situation(
        "a GPU of 80 GB, production",
        {"vram_gb": 80},
        ("efficientvit_sam_xl1", "sam2.1_hq_l", "sam2.1_l"),
        "everything fits and everything is fast: quality decides",
    ),
    Situation(
        "numbers for a paper",
        {"vram_gb": 24, "task": "benchmark"},
        ("sam_vit_h",),
        "it is what everybody compares with",
    ),
    Situation(
        "an Apple laptop with 16 GB",
        {"ram_gb": 16, "device": "mps"},
        SMALL_EFFICIENT,
        "its GPU is a GPU: three times as fast as its processor",
        told=("an Apple GPU with 16 GB", "--device mps"),
        untold=("on a CPU with",),
    ),
    Situation(
        "a small board",
        {"machine": BOARD, "task": "edge"},
        ("efficientvit_sam_l0", "edge_sam", "edge_sam_3x", "samara_mini"),
        "a second per image; EfficientViT-SAM l0 is faster and better than MobileSAM in as much memory",
    ),
    Situation(
        "a small board in a product",
        {"machine": BOARD, "task": "edge", "domain": "robotics", "commercial": True},
        ("efficientvit_sam_l0", "samara_mini", "mobile_sam"),
        "EdgeSAM would be the fastest of the good ones, but may not be used",
        untold=("get edge_sam",),
    ),
    Situation(
        "100,000 images on a laptop",
        {"ram_gb": 16, "task": "batch annotation", "image_count": 100_000},
        ("samara_mini", "fastsam_x"),
        "SAM's grid takes weeks here; days are left to what is small or needs no grid",
        told=("100,000 take 33 hours",),
    ),
    Situation(
        "a laptop and a large set, nobody says how large",
        {"ram_gb": 16, "task": "batch annotation"},
        (*LARGE_EFFICIENT, *SMALL_EFFICIENT),
        "a minute per image is the task's limit; what that means for 100,000 is said",
        told=("images a day; 100,000 take", "days"),
    ),
    Situation(
        "100,000 images over night on a GPU of 24 GB",
        {"vram_gb": 24, "task": "batch annotation", "image_count": 100_000, "max_hours": 12},
        ("samara_mini", "fastsam_x"),
        "0.43 s per image are left: a thousand points take three times as long",
        told=("12 hours",),
    ),
    Situation(
        "100,000 images in a week on a GPU of 8 GB",
        {"vram_gb": 8, "task": "batch annotation", "image_count": 100_000},
        (*LARGE_EFFICIENT, "efficientvit_sam_l2"),
        "six days are long, but less than a week",
        told=("100,000 take 6.8 days",),
    ),
    Situation(
        "boxes of a detector on MRI, a GPU of 8 GB",
        {"vram_gb": 8, "domain": "medical", "prompts": ["box"]},
        ("medsam",),
        "it was trained for just this, a box on a medical image, and is free",
    ),
    Situation(
        "boxes on CT, a laptop",
        {"ram_gb": 16, "domain": "medical", "prompts": ["box"]},
        (*SMALL_EFFICIENT, "lite_medsam", "medsam"),
        "MedSAM takes 8 s; who has seen no comparison should measure the small ones",
        told=("lite_medsam",),
    ),
    Situation(
        "cells, a GPU of 8 GB",
        {"vram_gb": 8, "domain": "light microscopy"},
        ("vit_l_lm", "vit_b_lm"),
        "micro-sam's were trained for it, and the larger ones fit",
    ),
    Situation(
        "cells, a laptop",
        {"ram_gb": 16, "domain": "light microscopy"},
        ("vit_t_lm", "vit_b_lm"),
        "the small one of micro-sam's keeps within the time",
    ),
    Situation(
        "slides, whose specialists have no stated licence",
        {"vram_gb": 8, "domain": "histopathology"},
        (*SMALL_EFFICIENT, *LARGE_EFFICIENT),
        "nobody may rely on a licence that nobody states; that they exist is said",
        told=("vit_b_histopathology",),
    ),
    Situation(
        "aerial images, everything in them",
        {"vram_gb": 24, "domain": "satellite", "task": "batch annotation"},
        (*LARGE_EFFICIENT, "sam2.1_l", "sam_vit_h"),
        "no specialist is known, and no comparison: the generally good ones, and measure",
        told=("No published work compares these checkpoints on satellite images",),
    ),
    Situation(
        "30 images per second on a GPU of 24 GB",
        {"vram_gb": 24, "task": "real-time", "max_latency_s": 1 / 30},
        SMALL_EFFICIENT,
        "12 to 20 ms",
    ),
    Situation(
        "30 images per second on a laptop",
        {"ram_gb": 16, "task": "real-time", "max_latency_s": 1 / 30},
        (),
        "nothing does that: whoever hears only no cannot go on, so the fastest and the best are named",
        told=("the fastest is samara_mini (0.21 s, quality 0.84)", "the best sam_hq_vit_h (29 s, quality 1.02)"),
    ),
    Situation(
        "real time on a laptop, without a limit",
        {"ram_gb": 16, "task": "real-time"},
        SMALL_EFFICIENT,
        "0.1 s cannot be had; the compromise is called one, and the fastest is named",
        told=("with reservations", "the fastest is samara_mini (0.21 s"),
        untold=("comes closest",),
    ),
    Situation(
        "fine-tuning on 8 GB",
        {"vram_gb": 8, "task": "fine-tuning"},
        (*LARGE_EFFICIENT, "efficientvit_sam_l2"),
        "the decoder is trained from cached embeddings, so the encoder hardly matters for the memory",
        told=("of memory to fine-tune", "memory: of fine-tuning the mask decoder"),
    ),
    Situation(
        "class names",
        {"ram_gb": 16, "prompts": ["classes"]},
        ("yolo11n-seg", "yolo11s-seg", "yolov8n-seg", "yolov8s-seg"),
        "only detectors have names; whoever sells products must know the AGPL",
        told=("AGPL-3.0-only: anything built on it",),
        untold=("relative to SAM is unpublished",),
    ),
    Situation(
        "class names in a product",
        {"vram_gb": 24, "prompts": ["classes"], "commercial": True},
        (),
        "all detectors are under the AGPL",
        told=("Relax the limit on licence first",),
    ),
    Situation(
        "1 GB of memory",
        {"ram_gb": 1},
        ("samara_mini",),
        "nothing else fits beside Python and PyTorch",
        told=("samara_mini is small",),
    ),
    Situation(
        "a download of 50 MB in a product",
        {"ram_gb": 16, "max_disk_gb": 0.05, "commercial": True},
        ("mobile_sam", "tinysam", "sam_hq_vit_tiny", "samara_mini"),
        "the networks of ten million parameters",
        told=("the limit is 50 MB",),
    ),
    Situation(
        "no network, the best quality",
        {"vram_gb": 24, "task": "maximum quality", "offline": True},
        ("samara_mini",),
        "it is what is there",
        told=("samara_mini is small",),
        untold=("checkpoints get",),
    ),
    Situation(
        "limits that contradict each other",
        {"vram_gb": 24, "task": "maximum quality", "max_latency_s": 0.001, "max_disk_gb": 0.001},
        (),
        "no checkpoint is a file of 1 MB, none takes 1 ms",
        told=("the fastest", "the best", "Relaxing a single limit is not enough"),
        at_hand=(),
    ),
    Situation(
        "a checkpoint fine-tuned on one's own cells",
        {"ram_gb": 32, "task": "maximum quality", "domain": "light microscopy"},
        ("cells.safetensors",),
        "it was measured on 200 objects to be better than all else that was",
        records=(
            *_measured("cells.safetensors", 0.93, "light microscopy"),
            *_measured("sam_vit_b", 0.74, "light microscopy"),
            *_measured("vit_b_lm", 0.85, "light microscopy"),
        ),
    ),
    Situation(
        "a comparison of four images lies about",
        {"machine": HERE},
        SMALL_EFFICIENT,
        "eleven objects say nothing: the advice stays, and why is said",
        told=("does not count: too few objects",),
        untold=("1.066",),
        records=(*_toy("samara_mini", 0.95), *_toy("mobile_sam", 0.6)),
    ),
    Situation(
        "one checkpoint was timed here, and this machine is slower than it looks",
        {"machine": HERE},
        SMALL_EFFICIENT,
        "the others are as much slower: their times must stand on the same scale",
        told=("All times are of one scale: samara_mini timed here, torch float32, 2026-11-21",),
        records=_seconds("samara_mini", 0.9),
    ),
)
