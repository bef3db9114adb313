"""Metrics that samara measures: unit, direction and definition of each.

Reports, recommendations and documentation take titles and definitions from here. A new metric of quality is a row
here, its values in `samara.measurement.evaluation.scores`, and its test. A new measure is a name and its metrics here,
what is asked in `samara.measurement.evaluation.protocols`, and its test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Measure = Literal["centre_click", "random_click", "box", "jittered_box", "clicks", "everything"]
"""What of quality is asked for in one go; see `samara.measurement.evaluation.protocols`."""

MEASURES: tuple[Measure, ...] = get_args(Measure)

Group = Literal["quality", "speed", "memory", "size"]
Unit = Literal["fraction", "clicks", "seconds", "bytes", "parameters", "floating-point operations"]
Better = Literal["higher", "lower"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """Metric of a measurement.

    Attributes:
        name: unique name in records.
        group: report table of the metric.
        title: display title.
        unit: unit of its values; "fraction" is in [0, 1].
        better: direction of improvement.
        definition: exact definition in a sentence or two.
        measure: what is asked to find it; None for what is not about quality.
    """

    name: str
    group: Group
    title: str
    unit: Unit
    better: Better
    definition: str
    measure: Measure | None = None


# Measures that are one prompt for each object: title, and how the answer comes about.
_PROMPTS: Mapping[Measure, tuple[str, str]] = {
    "centre_click": (
        "centre click",
        "one click on the pixel of the object farthest from its border; the one of three masks with the highest "
        "predicted IoU",
    ),
    "random_click": (
        "random click",
        "one click, uniform over the pixels of the object, seeded by image and object; the one of three masks with "
        "the highest predicted IoU",
    ),
    "box": ("box", "the tight box of the object; the single mask"),
    "jittered_box": (
        "jittered box",
        "the tight box with each side moved by normal noise, 10 % of the box's width or height, at most 20 pixels of "
        "a 1024-pixel image; the single mask",
    ),
}

# What an answer to such a prompt is worth, by the field of `samara.measurement.evaluation.scores.ScoredAnswer`.
_OF_ANSWERS = {
    "iou": ("IoU", "Mask IoU with the ground truth"),
    "boundary_iou": ("boundary IoU", "Boundary IoU (Cheng et al. 2021, width 2 % of the image's diagonal)"),
}

_PROMPTED = tuple(
    Metric(
        name=f"{prompt}_{field}",
        group="quality",
        title=f"{title}, {worth}",
        unit="fraction",
        better="higher",
        definition=f"{definition}, mean over objects, from {how}.",
        measure=prompt,
    )
    for prompt, (title, how) in _PROMPTS.items()
    for field, (worth, definition) in _OF_ANSWERS.items()
)

_CLICKS = tuple(
    metric
    for percent in (85, 90)
    for metric in (
        Metric(
            name=f"clicks_to_{percent}",
            group="quality",
            title=f"clicks until IoU 0.{percent}",
            unit="clicks",
            better="lower",
            definition=f"NoC@{percent}: clicks until IoU 0.{percent}, mean over objects; 20 if 20 clicks do not "
            "suffice.",
            measure="clicks",
        ),
        Metric(
            name=f"not_reached_{percent}",
            group="quality",
            title=f"IoU 0.{percent} not reached",
            unit="fraction",
            better="lower",
            definition=f"Fraction of objects for which 20 clicks did not reach IoU 0.{percent}.",
            measure="clicks",
        ),
    )
)

_EVERYTHING = Metric(
    name="average_recall",
    group="quality",
    title="everything, AR@1000",
    unit="fraction",
    better="higher",
    definition="Fraction of objects found by the 1,000 automatic masks with the highest predicted IoU, each mask "
    "matching at most one object, mean over IoU 0.50, 0.55, ... 0.95 (COCO's AR, regardless of category).",
    measure="everything",
)


def _speed(name: str, title: str, what: str) -> tuple[Metric, Metric]:
    """Return a metric for the steady state and one for the first call."""
    return (
        Metric(
            name=f"{name}_seconds",
            group="speed",
            title=title,
            unit="seconds",
            better="lower",
            definition=f"{what}; median of calls after the warm-up; the interval is that of the quartiles.",
        ),
        Metric(
            name=f"{name}_first_seconds",
            group="speed",
            title=f"{title}, first call",
            unit="seconds",
            better="lower",
            definition=f"{what}; the first call in a process, including one-time setup.",
        ),
    )


_SPEED = (
    Metric(
        name="load_seconds",
        group="speed",
        title="load",
        unit="seconds",
        better="lower",
        definition="From the file, or random weights, to a network on its device; the file may be in the operating "
        "system's cache.",
    ),
    *_speed("encode", "encode an image", "Resizing, normalising and encoding, seconds per image"),
    *_speed("decode_1", "decode 1 prompt", "One click on an embedded image, to a mask at the image's size"),
    *_speed("decode_64", "decode 64 prompts", "64 clicks on an embedded image, to masks at the image's size"),
    *_speed("everything", "everything", "Automatic mask generation, from the image to run lengths"),
)

_MEMORY = tuple(
    Metric(
        name=f"{work}_{place}_peak_bytes",
        group="memory",
        title=f"{title}, peak {memory}",
        unit="bytes",
        better="lower",
        definition=f"Highest {meaning} of a process that loads the checkpoint{after}.",
    )
    for work, title, after in (
        ("load", "load", " and does nothing else"),
        ("encode", "encode", " and encodes images"),
        ("everything", "everything", " and finds everything in an image"),
        ("finetune", "fine-tuning", " and fine-tunes its mask decoder by one step on embeddings that it cached"),
    )
    for place, memory, meaning in (
        ("resident", "main memory", "resident set, Python and its libraries included,"),
        ("device", "device memory", "memory allocated on the accelerator by PyTorch, without CUDA's own context,"),
    )
)

_SIZE = (
    Metric(
        name="parameters",
        group="size",
        title="parameters",
        unit="parameters",
        better="lower",
        definition="Parameters of the network, without buffers.",
    ),
    Metric(
        name="encoder_parameters",
        group="size",
        title="parameters of the image encoder",
        unit="parameters",
        better="lower",
        definition="Parameters of the image encoder, for a detector those of the whole network, without buffers.",
    ),
    Metric(
        name="encoder_flops",
        group="size",
        title="work to encode an image",
        unit="floating-point operations",
        better="lower",
        definition="Floating-point operations of the image encoder's matrix products and convolutions for one input, "
        "for a detector those of its one pass; a multiply-add counts as two (other sources count it as one).",
    ),
    Metric(
        name="file_bytes",
        group="size",
        title="file",
        unit="bytes",
        better="lower",
        definition="Size of the checkpoint's file; for a missing file, the size in the catalogue.",
    ),
)

METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*_PROMPTED, *_CLICKS, _EVERYTHING, *_SPEED, *_MEMORY, *_SIZE)
}

METRICS_OF: Mapping[Measure, tuple[str, ...]] = {
    measure: tuple(metric.name for metric in METRICS.values() if metric.measure == measure) for measure in MEASURES
}
"""The metrics that come of a measure, by name."""
