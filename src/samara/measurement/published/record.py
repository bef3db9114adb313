"""Published figure: a value with its unit, conditions and source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal

from samara.measurement.records import metrics as measured


@dataclass(frozen=True, kw_only=True)
class PublishedMetric:
    """Metric of a checkpoint.

    Attributes:
        name: unique name; that of `samara.measurement.records.metrics` if samara measures the same.
        title: display title.
        unit: unit of its values; "fraction" is in [0, 1].
        better: direction of improvement.
    """

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"]


def _known(metric: measured.Metric) -> PublishedMetric:
    return PublishedMetric(name=metric.name, title=metric.title, unit=metric.unit, better=metric.better)


# Published metrics that samara does not measure, or defines differently.
_OTHERS = (
    PublishedMetric(name="prompt_seconds", title="encoding and one prompt", unit="seconds", better="lower"),
    PublishedMetric(name="points_seconds", title="encoding and several prompts", unit="seconds", better="lower"),
    PublishedMetric(name="images_per_second", title="throughput", unit="images per second", better="higher"),
    PublishedMetric(name="memory_bytes", title="memory of inference", unit="bytes", better="lower"),
    PublishedMetric(
        name="finetuning_bytes", title="memory of fine-tuning the mask decoder", unit="bytes", better="lower"
    ),
    PublishedMetric(name="mean_iou", title="mean IoU", unit="fraction", better="higher"),
    PublishedMetric(name="mean_dice", title="mean DICE", unit="fraction", better="higher"),
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
    """Conditions of a figure; None if the source does not state them.

    Attributes:
        hardware: hardware used.
        precision: number format and special software.
        batch: images per batch.
        data: data set.
        prompts: prompts per image.
        note: anything else needed for a comparison.
    """

    hardware: str | None = None
    precision: str | None = None
    batch: int | None = None
    data: str | None = None
    prompts: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        """Return all known conditions in one line."""
        known = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return ", ".join(f"batch {value}" if name == "batch" else str(value) for name, value in known if value)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One published number.

    Attributes:
        checkpoint: catalogue name.
        metric: name in `PUBLISHED_METRICS`.
        value: value in the metric's unit; fractions in [0, 1].
        source: name in `samara.measurement.published.sources.SOURCES`.
        conditions: conditions of the figure.
    """

    checkpoint: str
    metric: str
    value: float
    source: str
    conditions: Conditions = Conditions()

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {**asdict(self), "unit": PUBLISHED_METRICS[self.metric].unit}
