"""What one published figure says: a value with its unit, under which conditions, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal

Unit = Literal["1", "s", "bytes", "images/s", "FLOP", "J&F", "x"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """Something that can be said about a checkpoint in one number.

    Attributes:
        name: unique, as in records of measurements where they measure the same.
        title: for people.
        unit: "1" for fractions and counts, "x" for a factor.
        better: which way is better; None where neither is.
    """

    name: str
    title: str
    unit: Unit
    better: Literal["higher", "lower"] | None


_METRICS = (
    Metric(name="parameters", title="parameters", unit="1", better="lower"),
    Metric(name="encoder_parameters", title="parameters of the image encoder", unit="1", better="lower"),
    Metric(name="file_bytes", title="size of the file", unit="bytes", better="lower"),
    Metric(name="encoder_flops", title="arithmetic of one encoding", unit="FLOP", better="lower"),
    Metric(name="encode_s", title="time of one encoding", unit="s", better="lower"),
    Metric(name="decode_s", title="time of one prompt after encoding", unit="s", better="lower"),
    Metric(name="prompt_s", title="time of encoding and one prompt", unit="s", better="lower"),
    Metric(name="points_s", title="time of encoding and several prompts", unit="s", better="lower"),
    Metric(name="everything_s", title="time of automatic masks of one image", unit="s", better="lower"),
    Metric(name="images_per_s", title="throughput", unit="images/s", better="higher"),
    Metric(name="memory_bytes", title="memory of inference", unit="bytes", better="lower"),
    Metric(name="finetuning_bytes", title="memory of fine-tuning the mask decoder", unit="bytes", better="lower"),
    Metric(name="mean_iou", title="mean IoU", unit="1", better="higher"),
    Metric(name="dice_gain", title="gain in DICE by fine-tuning", unit="1", better="higher"),
    Metric(name="agreement_iou", title="mean IoU with SAM ViT-H's own masks", unit="1", better="higher"),
    Metric(name="coco_ap", title="mask AP on COCO from a detector's boxes", unit="1", better="higher"),
    Metric(name="lvis_ap", title="mask AP on LVIS from a detector's boxes", unit="1", better="higher"),
    Metric(name="seginw_ap", title="mean AP on SegInW with Grounding DINO", unit="1", better="higher"),
    Metric(name="average_recall_1000", title="AR@1000 of masks on COCO", unit="1", better="higher"),
    Metric(name="video_jf", title="J&F on video", unit="J&F", better="higher"),
    Metric(name="int8_speedup", title="speed-up by INT8", unit="x", better="higher"),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _METRICS}


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under which a figure holds; what the source does not say is None.

    Attributes:
        hardware: what it ran on.
        precision: number format and special software.
        batch: images at a time.
        data: the pictures.
        prompts: what was asked of each picture.
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
        metric: name in `METRICS`.
        value: in the metric's unit; fractions in [0, 1].
        source: name in `samara.published.sources.SOURCES`.
        conditions: under which it holds.
    """

    checkpoint: str
    metric: str
    value: float
    source: str
    conditions: Conditions = Conditions()

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {**asdict(self), "unit": METRICS[self.metric].unit}
