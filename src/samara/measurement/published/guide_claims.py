"""Claims of the guide "SAM Model Checkpoints Comparison", with a judgement of each.

This project originated from that guide. Its tables are widely copied, several of its figures have no source, and some
are wrong; a report of a measurement should therefore show the claim next to it and mark contradictions. Values are
quoted from the guide; `samara.measurement.published.ratios` recomputes its ratios from figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from samara.measurement.published.record import PUBLISHED_METRICS

GUIDE = "SAM Model Checkpoints Comparison"
"""Title of the guide."""

ClaimVerdict = Literal["holds", "imprecise", "unsupported", "contradicted"]
"""imprecise: essentially right, with a wrong unit, name or rounding; unsupported: no source states it."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Judgement of a claim.

    Attributes:
        verdict: one-word verdict.
        because: reason in a sentence; empty if the claim holds.
        sources: sources of the published figures that contradict it, names in `SOURCES`.
        against: metrics of those figures, if different from the claim's.
    """

    verdict: ClaimVerdict
    because: str = ""
    sources: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Claim of the guide about one checkpoint.

    Attributes:
        checkpoint: catalogue name.
        metric: name in `PUBLISHED_METRICS`.
        low, high: claimed value in the metric's unit; equal unless the guide states a range. `high` is infinite for
        "24+".
        where: section and table.
        conditions: conditions stated in the guide; mostly none.
        judgement: judgement of the claim.
    """

    checkpoint: str
    metric: str
    low: float
    high: float
    where: str
    conditions: str
    judgement: Judgement

    @property
    def is_contradicted(self) -> bool:
        """Whether the claim is contradicted."""
        return self.judgement.verdict == "contradicted"

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {**asdict(self), "unit": PUBLISHED_METRICS[self.metric].unit, "guide": GUIDE}


def claims_for(checkpoint: str, metric: str | None = None) -> tuple[Claim, ...]:
    """Return the claims about a checkpoint, in the guide's order.

    Args:
        checkpoint: catalogue name.
        metric: name in `PUBLISHED_METRICS`; None for all.
    """
    return tuple(claim for claim in CLAIMS if claim.checkpoint == checkpoint and metric in (None, claim.metric))


_HOLDS = Judgement(verdict="holds")
_ROUNDED_ENCODER = Judgement(
    verdict="imprecise", because="the paper's rounded counts of the image encoder alone, not of the whole network"
)
_GIB = Judgement(verdict="imprecise", because="measured in GiB but labelled GB")
_MIB = Judgement(verdict="imprecise", because="measured in MiB but labelled MB, unlike SAM's in the same table")
_PER_IMAGE = (
    "no source states it for this GPU; the encoder runs once per image, not per mask, and published times are longer "
    "even on other GPUs"
)
_SPEED = Judgement(
    verdict="contradicted",
    because=_PER_IMAGE,
    sources=("SAM FAQ", "FastSAM README", "MobileSAM README"),
    against=("prompt_seconds", "encode_seconds"),
)
_SPEED_OF_L = Judgement(
    verdict="unsupported", because="no source states it; the encoder runs once per image, not per mask"
)
_DECODE = Judgement(
    verdict="unsupported",
    because="no source states it; MobileSAM's authors measured 4 ms on an unnamed GPU",
)
_IOU = Judgement(
    verdict="contradicted",
    because="it names neither data nor prompt, and published mean IoU is far lower",
    sources=("segment-anything-fast", "optimum-intel PR 1384", "lightning-sam README"),
    against=("centre_click_iou", "box_iou", "mean_iou"),
)
_IOU_OF_L = Judgement(
    verdict="contradicted",
    because="it names neither data nor prompt, and published mean IoU is far lower",
    sources=("optimum-intel PR 1384",),
)
_BANDS = Judgement(
    verdict="unsupported",
    because="no source states these ranges; measure on your own images with `samara compare`",
)
_VRAM = Judgement(
    verdict="imprecise", because="the guide itself states about half of it in the same table for one image at a time"
)
_VRAM_OF_B = Judgement(
    verdict="contradicted",
    because="the official code was measured to need more",
    sources=("FastSAM README",),
)
_BATCH_1 = Judgement(
    verdict="contradicted",
    because="the official code was measured to need more, and the guide states twice as much in the same table",
    sources=("FastSAM README",),
)
_BATCH_1_OF_L = Judgement(verdict="unsupported", because="the guide states twice as much in the same table")
_BATCH_8 = Judgement(
    verdict="contradicted",
    because="it varies by a factor of six with precision and kernels; the official code in float32 needs more",
    sources=("segment-anything-fast",),
)
_BATCH_8_OF_L = Judgement(verdict="unsupported", because="no source states it")
_FINETUNING = Judgement(
    verdict="contradicted",
    because="with a frozen encoder, embeddings are computed once, and then every variant needs the same memory "
    "(1.3 GB measured with cached embeddings, benchmarks/results/finetuning_memory.csv)",
)
_SINGLE = Judgement(verdict="unsupported", because="it is 1000 divided by the guide's own milliseconds per mask")
_BATCHED_H = Judgement(
    verdict="contradicted",
    because="the best published value for an A100, with every optimisation, is lower",
    sources=("segment-anything-fast",),
)
_BATCHED_B = Judgement(
    verdict="imprecise", because="reached only with compiled, quantised custom kernels; the official code reaches 12"
)
_BATCHED_L = Judgement(verdict="unsupported", because="no source states it")
_CPU = Judgement(
    verdict="imprecise",
    because="copied correctly, but it is the time of segmenting everything with 1,024 points on an M4 Pro, not of a "
    "prompt",
)
_CPU_ONLY = Judgement(
    verdict="contradicted",
    because="this is the time of segmenting everything; one prompt needs one encoding and a few milliseconds",
)

_H, _L, _B, _MOBILE, _FAST = "sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam", "fastsam_s"
_YOLO8, _YOLO11 = "yolov8n-seg", "yolo11n-seg"

_Value = float | tuple[float, float]


def _table(
    metric: str,
    where: str,
    rows: Mapping[str, tuple[_Value, Judgement]],
    *,
    scale: float = 1.0,
    conditions: str = "",
) -> Iterable[Claim]:
    """Yield one column of a table of the guide: checkpoint → value or range, with its judgement."""
    for checkpoint, (value, judgement) in rows.items():
        low, high = value if isinstance(value, tuple) else (value, value)
        yield Claim(
            checkpoint=checkpoint,
            metric=metric,
            low=float(f"{low * scale:.9g}"),
            high=float(f"{high * scale:.9g}"),
            where=where,
            conditions=conditions,
            judgement=judgement,
        )


def _sizes() -> Iterable[Claim]:
    overview, versus = "section 1, The Three SAM Checkpoints", "section 5, SAM vs YOLO"
    yield from _table(
        "parameters",
        overview,
        {_H: (636, _ROUNDED_ENCODER), _L: (308, _ROUNDED_ENCODER), _B: (91, _ROUNDED_ENCODER)},
        scale=1e6,
    )
    yield from _table("file_bytes", overview, {_H: (2.4, _GIB), _L: (1.2, _GIB), _B: (0.375, _HOLDS)}, scale=1e9)
    millions = {_B: 93.7, _MOBILE: 10.1, _FAST: 11.8, _YOLO8: 3.4, _YOLO11: 2.9}
    megabytes = {_B: 375, _MOBILE: 40.7, _FAST: 23.7, _YOLO8: 6.7, _YOLO11: 5.9}
    yield from _table("parameters", versus, {name: (value, _HOLDS) for name, value in millions.items()}, scale=1e6)
    sizes = {name: (value, _MIB if name in (_FAST, _YOLO8, _YOLO11) else _HOLDS) for name, value in megabytes.items()}
    yield from _table("file_bytes", versus, sizes, scale=1e6)


def _speed() -> Iterable[Claim]:
    a100 = "A100; per mask"
    yield from _table("encode_seconds", "section 2, Inference Speed", {_H: (0.100, _SPEED)}, conditions="A100")
    yield from _table("decode_1_seconds", "section 2, Inference Speed", {_H: (0.010, _DECODE)}, conditions="A100")
    yield from _table(
        "prompt_seconds",
        "section 5, Comprehensive Model Comparison",
        {_H: (0.110, _SPEED), _L: (0.080, _SPEED_OF_L), _B: (0.050, _SPEED)},
        conditions=a100,
    )
    yield from _table(
        "everything_seconds",
        "section 5, SAM vs YOLO",
        {_B: (49.401, _CPU), _MOBILE: (25.381, _CPU), _FAST: (0.0559, _CPU), _YOLO8: (0.0245, _CPU)}
        | {_YOLO11: (0.0301, _CPU)},
        conditions="CPU, per image",
    )
    yield from _table("prompt_seconds", "section 6, CPU Only", {_B: (50, _CPU_ONLY)}, conditions="CPU")
    throughput = "section 5, Throughput Comparison"
    yield from _table(
        "images_per_second",
        throughput,
        {_H: (9, _SINGLE), _L: (12, _SINGLE), _B: (20, _SINGLE)},
        conditions="A100, single image",
    )
    yield from _table(
        "images_per_second",
        throughput,
        {_H: (40, _BATCHED_H), _L: (55, _BATCHED_L), _B: (90, _BATCHED_B)},
        conditions="A100, batch 8",
    )


_ZERO_SHOT = "section 5, Zero-Shot Transfer Performance"

FULLY_SUPERVISED: Mapping[str, tuple[float, float]] = {
    "natural": (0.90, 0.95),
    "medical": (0.85, 0.90),
    "satellite": (0.85, 0.90),
}
"""IoU that the guide's zero-shot table states for "Fully Supervised" networks of each kind of images, low and high; it
names no network, and no source states these ranges."""


def _quality() -> Iterable[Claim]:
    yield from _table(
        "mean_iou",
        "section 5, Comprehensive Model Comparison",
        {_H: (0.88, _IOU), _L: (0.86, _IOU_OF_L), _B: (0.83, _IOU)},
        conditions="average; data and prompts not named",
    )
    for domain, bands in (
        ("natural", {_H: (0.85, 0.90), _L: (0.83, 0.88), _B: (0.80, 0.85)}),
        ("medical", {_H: (0.70, 0.80), _L: (0.68, 0.78), _B: (0.65, 0.75)}),
        ("satellite", {_H: (0.75, 0.85), _L: (0.73, 0.83), _B: (0.70, 0.80)}),
    ):
        yield from _table(
            "mean_iou",
            _ZERO_SHOT,
            {name: (band, _BANDS) for name, band in bands.items()},
            conditions=f"{domain} images, zero-shot",
        )


def _memory() -> Iterable[Claim]:
    inference, tuning = "section 5, Inference Memory", "section 5, Fine-Tuning Memory"
    yield from _table(
        "memory_bytes",
        inference,
        {_H: ((8, 12), _VRAM), _L: ((6, 8), _VRAM), _B: ((3, 4), _VRAM_OF_B)},
        scale=1e9,
        conditions="GPU VRAM",
    )
    yield from _table(
        "memory_bytes",
        inference,
        {_H: (4, _BATCH_1), _L: (3, _BATCH_1_OF_L), _B: (2, _BATCH_1)},
        scale=1e9,
        conditions="batch 1",
    )
    yield from _table(
        "memory_bytes",
        inference,
        {_H: (16, _BATCH_8), _L: (12, _BATCH_8_OF_L), _B: (6, _BATCH_8)},
        scale=1e9,
        conditions="batch 8",
    )
    infinite = float("inf")
    for conditions, gigabytes in (
        ("mask decoder only, minimum", {_H: (24, 24), _L: (16, 16), _B: (8, 8)}),
        ("mask decoder only, recommended", {_H: (32, infinite), _L: (24, infinite), _B: (12, infinite)}),
    ):
        yield from _table(
            "finetuning_bytes",
            tuning,
            {name: (band, _FINETUNING) for name, band in gigabytes.items()},
            scale=1e9,
            conditions=conditions,
        )


CLAIMS: tuple[Claim, ...] = (*_sizes(), *_speed(), *_quality(), *_memory())


@dataclass(frozen=True, kw_only=True)
class GuideStatement:
    """Claim of the guide without a number: about networks, code or studies."""

    where: str
    text: str
    judgement: Judgement


STATEMENTS: tuple[GuideStatement, ...] = (
    GuideStatement(
        where="section 2, Processing Flow",
        text="patches are 64 x 64 x 256",
        judgement=Judgement(
            verdict="contradicted",
            because="patch embeddings have the encoder's width, 1280, 1024 or 768; 256 is the width after its neck",
        ),
    ),
    GuideStatement(
        where="section 2, Processing Flow",
        text="global attention in every 8th layer, the same in ViT-L and ViT-B",
        judgement=Judgement(
            verdict="contradicted", because="every 8th in ViT-H, every 6th in ViT-L, every 3rd in ViT-B; four in each"
        ),
    ),
    GuideStatement(
        where="section 2, Quality Benchmarks",
        text="in medical images ViT-H is better overall than ViT-B",
        judgement=Judgement(
            verdict="holds", because="stated in the abstract of the study", sources=("Huang et al. 2024",)
        ),
    ),
    GuideStatement(
        where="section 3, Quality Benchmarks",
        text="ViT-L was superior in 192 test cases",
        judgement=Judgement(verdict="unsupported", because="it does not say superior to what, or in which task"),
    ),
    GuideStatement(
        where="section 4, Quality Benchmarks",
        text="ViT-H improves substantially over ViT-B",
        judgement=Judgement(
            verdict="holds",
            because='quoted from section 7.6 of the SAM paper, which adds "but has only marginal gains over ViT-L"',
            sources=("SAM paper",),
        ),
    ),
    GuideStatement(
        where="section 4, Recommended for",
        text="ViT-B is for edge and mobile devices and has the smallest footprint",
        judgement=Judgement(
            verdict="contradicted",
            because="MobileSAM, Light HQ-SAM, FastSAM-s and EdgeSAM are smaller and faster, two of which are in its "
            "own table",
            sources=("MobileSAM README", "HQ-SAM README", "EdgeSAM README"),
        ),
    ),
    GuideStatement(
        where="section 6, Decision Matrix",
        text="interactive annotation wants ViT-L for its speed",
        judgement=Judgement(
            verdict="imprecise",
            because="after the encoder, all SAM models are the same: only the first click on an image is slower with "
            "ViT-H",
            sources=("MobileSAM README",),
        ),
    ),
    GuideStatement(
        where="section 7, Checkpoint Selection",
        text='checkpoint=f"sam_{checkpoint_type}_*.pth" loads the file',
        judgement=Judgement(
            verdict="contradicted", because="a pattern is not a file name, so it raises FileNotFoundError"
        ),
    ),
)
