"""What one published figure says: a value with its unit, under which conditions, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal

from samara.measurement.records import metrics as measured


@dataclass(frozen=True, kw_only=True)
class PublishedMetric:
    """Something that can be said about a checkpoint in one number.

    Attributes:
        name: unique; that of `samara.measurement.records.metrics` where samara measures the same.
        title: for people.
        unit: of its values; "fraction" is in [0, 1].
        better: which way is better.
    """

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"]


def _known(metric: measured.Metric) -> PublishedMetric:
    return PublishedMetric(name=metric.name, title=metric.title, unit=metric.unit, better=metric.better)


# What others publish and samara does not measure, or not under the same definition.
_OTHERS = (
    PublishedMetric(name="prompt_seconds", title="encoding and one prompt", unit="seconds", better="lower"),
    PublishedMetric(name="points_seconds", title="encoding and several prompts", unit="seconds", better="lower"),
    PublishedMetric(name="images_per_second", title="throughput", unit="images per second", better="higher"),
    PublishedMetric(name="memory_bytes", title="memory of inference", unit="bytes", better="lower"),
    PublishedMetric(
        name="finetuning_bytes", title="memory of fine-tuning the mask decoder", unit="bytes", better="lower"
    ),
    PublishedMetric(name="mean_iou", title="mean IoU", unit="fraction", better="higher"),
    PublishedMetric(name="dice_gain", title="gain in DICE by fine-tuning", unit="fraction", better="higher"),
    PublishedMetric(
        name="agreement_iou", title="mean IoU with SAM ViT-H's own masks", unit="fraction", better="higher"
    ),
    PublishedMetric(name="coco_ap", title="mask AP on COCO from a detector's boxes", unit="fraction", better="higher"),
    PublishedMetric(name="lvis_ap", title="mask AP on LVIS from a detector's boxes", unit="fraction", better="higher"),
    PublishedMetric(name="seginw_ap", title="mean AP on SegInW with Grounding DINO", unit="fraction", better="higher"),
    PublishedMetric(name="video_jf", title="J&F on video", unit="J&F", better="higher"),
    PublishedMetric(name="int8_speedup", title="speed-up by INT8", unit="times", better="higher"),
)

PUBLISHED_METRICS: Mapping[str, PublishedMetric] = {
    metric.name: metric for metric in (*map(_known, measured.METRICS.values()), *_OTHERS)
}


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under which a figure holds; what the source does not say is None.

    Attributes:
        hardware: what it ran on.
        precision: number format and special software.
        batch: images at a time.
        data: the images.
        prompts: what was asked of each image.
        note: anything else that a reader must know to compare.
    """

    hardware: str | None = None
    precision: str | None = None
    batch: int | None = None
    data: str | None = None
    prompts: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        """Everything that is known, in one line."""
        known = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return ", ".join(f"batch {value}" if name == "batch" else str(value) for name, value in known if value)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One published number.

    Attributes:
        checkpoint: name in the catalogue.
        metric: name in `PUBLISHED_METRICS`.
        value: in the metric's unit; fractions in [0, 1].
        source: name in `samara.measurement.published.sources.SOURCES`.
        conditions: under which it holds.
    """

    checkpoint: str
    metric: str
    value: float
    source: str
    conditions: Conditions = Conditions()

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {**asdict(self), "unit": PUBLISHED_METRICS[self.metric].unit}
