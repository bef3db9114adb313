"""Published figures with their conditions and sources.

Figures of one table share their conditions and are written as one row per checkpoint. Numbers are quoted from the
source, converted to SI units and fractions, not derived. Missing conditions are missing in the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from samara.measurement.published.record import Conditions, Figure

__all__ = ["FIGURES", "FINETUNING_FIGURES", "NOT_IN_CATALOGUE_YET", "Figure", "published_for"]


def published_for(checkpoint: str, metric: str | None = None, source: str | None = None) -> tuple[Figure, ...]:
    """Return published figures about a checkpoint, in table order.

    Args:
        checkpoint: catalogue name.
        metric: name in `METRICS`; None for all.
        source: name in `SOURCES`; None for all.
    """
    return tuple(
        figure
        for figure in FIGURES
        if figure.checkpoint == checkpoint and metric in (None, figure.metric) and source in (None, figure.source)
    )


def _table(
    metric: str, source: str, values: Mapping[str, float], *, scale: float = 1.0, **conditions: str | int
) -> Iterable[Figure]:
    """Yield one column of a published table: checkpoint → value; `scale` converts its unit to ours."""
    under = Conditions(**conditions)  # type: ignore[arg-type]  # the field names are checked by the dataclass
    for checkpoint, value in values.items():
        in_our_unit = float(f"{value * scale:.9g}")  # 41.0 % is 0.41, not 0.41000000000000003
        yield Figure(checkpoint=checkpoint, metric=metric, value=in_our_unit, source=source, conditions=under)


NOT_IN_CATALOGUE_YET: frozenset[str] = frozenset()
"""Checkpoint names that are not in the catalogue yet."""

_MS, _MB, _GB, _PERCENT, _GFLOP, _MILLION = 1e-3, 1e6, 1e9, 1e-2, 1e9, 1e6
_H, _L, _B, _MOBILE, _FAST_X, _FAST_S = "sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam", "fastsam_x", "fastsam_s"
_YOLO8, _YOLO11, _EDGE, _EDGE3 = "yolov8n-seg", "yolo11n-seg", "edge_sam", "edge_sam_3x"
_TINY = "tinysam"


def _speed() -> Iterable[Figure]:
    faq = "SAM FAQ"
    yield from _table("encoder_parameters", faq, {_H: 632}, scale=_MILLION, note="rounded")
    yield from _table("encode_seconds", faq, {_H: 0.15}, hardware="A100", batch=1, note="about")
    yield from _table(
        "decode_1_seconds",
        faq,
        {_H: 0.05},
        hardware="CPU, in a browser",
        prompts="one prompt",
        note="the same for all SAM models",
    )

    fast, card = "FastSAM README", "RTX 3090"
    yield from _table("prompt_seconds", fast, {_H: 446, _B: 110}, scale=_MS, hardware=card, prompts="1 point")
    yield from _table("points_seconds", fast, {_H: 464, _B: 125}, scale=_MS, hardware=card, prompts="10 points")
    yield from _table("points_seconds", fast, {_H: 627, _B: 230}, scale=_MS, hardware=card, prompts="100 points")
    for side, times in ((16, {_H: 852, _B: 432}), (32, {_H: 2099, _B: 1383}), (64, {_H: 6972, _B: 5417})):
        grid = f"grid of {side} x {side} points"
        yield from _table("everything_seconds", fast, times, scale=_MS, hardware=card, prompts=grid)
    yield from _table(
        "everything_seconds", fast, {_FAST_X: 40}, scale=_MS, hardware=card, prompts="none: one pass finds all"
    )

    mobile = "MobileSAM README"
    yield from _table("encode_seconds", mobile, {_H: 452, _MOBILE: 8}, scale=_MS, hardware="one unnamed GPU")
    yield from _table("decode_1_seconds", mobile, {_H: 4, _MOBILE: 4}, scale=_MS, hardware="one unnamed GPU")
    yield from _table(
        "prompt_seconds", mobile, {_H: 456, _MOBILE: 12, _FAST_X: 64}, scale=_MS, hardware="one unnamed GPU"
    )
    yield from _table("prompt_seconds", mobile, {_MOBILE: 3}, hardware="Mac with an i5, CPU", note="about")


def _speed_of_small_ones() -> Iterable[Figure]:
    edge = "EdgeSAM README"
    yield from _table(
        "images_per_second",
        edge,
        {_H: 4.3, _MOBILE: 103.5, _EDGE: 164.3, _EDGE3: 164.3},
        hardware="RTX 2080 Ti",
        prompts="encoding and one prompt",
    )
    yield from _table(
        "images_per_second",
        edge,
        {_MOBILE: 4.9, _EDGE: 38.7, _EDGE3: 38.7},
        hardware="iPhone 14",
        prompts="encoding and one prompt",
    )
    yield from _table(
        "images_per_second", "HQ-SAM README", {_MOBILE: 44.8, "sam_hq_vit_tiny": 41.2}, prompts="a detector's boxes"
    )
    yield from _table(
        "prompt_seconds",
        "NanoSAM README",
        {_MOBILE: 39},
        scale=_MS,
        hardware="Jetson AGX Orin",
        precision="TensorRT",
        note="encoder kept in float32: in FP16 it gives wrong results",
    )
    yield from _table(
        "encode_seconds", "RectLabel", {_MOBILE: 2, _L: 30, _H: 60}, hardware="Apple M1, CPU", note="set_image, about"
    )
    yield from _table(
        "images_per_second",
        "SAM 2 README",
        {"sam2.1_t": 91.2, "sam2.1_s": 84.8, "sam2.1_b+": 64.1, "sam2.1_l": 39.5},
        hardware="A100",
        precision="torch 2.5.1, compiled",
        note="frames of video",
    )
    yield from _table(
        "everything_seconds",
        "SAM 3 README",
        {"sam3": 30},
        scale=_MS,
        hardware="H200",
        prompts="a text; more than 100 objects",
    )


def _speed_of_everything() -> Iterable[Figure]:
    """Yield Ultralytics' tables, which use no prompt, so SAM segments everything with 1,024 points."""
    names = {"sam-b": _B, "sam2-b": "sam2_b+", "sam2-t": "sam2_t", "mobile": _MOBILE, "fast-s": _FAST_S}
    names |= {"yolov8n": _YOLO8, "yolo11n": _YOLO11}

    def named(values: Mapping[str, float]) -> dict[str, float]:
        return {names[name]: value for name, value in values.items()}

    docs, older, newer = "Ultralytics docs 8.3.90", "Ultralytics docs, older", "Ultralytics docs 8.4.31"
    grid, two = "none; SAM segments everything with 1,024 points", "2 images"
    milliseconds = {"sam-b": 49_401, "sam2-b": 31_901, "sam2-t": 25_997, "mobile": 25_381, "fast-s": 55.9}
    yield from _table(
        "everything_seconds",
        docs,
        named(milliseconds | {"yolov8n": 24.5, "yolo11n": 30.1}),
        scale=_MS,
        hardware="Apple M4 Pro, CPU",
        precision="torch 2.6",
        data=two,
        prompts=grid,
    )
    megabytes = {"sam-b": 375, "sam2-b": 162, "sam2-t": 78.1, "mobile": 40.7, "fast-s": 23.7}
    yield from _table("file_bytes", docs, named(megabytes | {"yolov8n": 6.7, "yolo11n": 5.9}), scale=_MB)
    millions = {"sam-b": 93.7, "sam2-b": 80.8, "sam2-t": 38.9, "mobile": 10.1, "fast-s": 11.8}
    yield from _table("parameters", docs, named(millions | {"yolov8n": 3.4, "yolo11n": 2.9}), scale=_MILLION)
    yield from _table(
        "everything_seconds",
        newer,
        named({"sam-b": 41_703, "sam2-t": 23_430, "mobile": 23_802, "fast-s": 58.0, "yolov8n": 24.8, "yolo11n": 24.3}),
        scale=_MS,
        hardware="Apple M4 (Air), CPU",
        precision="torch 2.10; YOLO in ONNX",
        prompts=grid,
    )
    yield from _table(
        "everything_seconds",
        older,
        named({"sam-b": 51_096, "mobile": 46_122, "fast-s": 115, "yolov8n": 59}),
        scale=_MS,
        hardware="Apple M2, CPU",
        prompts=grid,
    )
    yield from _table("file_bytes", older, named({"sam-b": 358}), scale=_MB, note="counted in MiB, called MB")
    yield from _table("parameters", older, named({"sam-b": 94.7}), scale=_MILLION)


def _throughput() -> Iterable[Figure]:
    """Yield segment-anything-fast: one row per optimisation level: images per second, memory, mean IoU."""
    source = "segment-anything-fast"
    rows: tuple[tuple[str, int, str, float, float | None, float | None], ...] = (
        (_B, 8, "float32", 12.1, 19.9, 0.5336),
        (_B, 8, "bfloat16", 39.8, 10.0, 0.5416),
        (_B, 8, "bfloat16, compiled, Triton attention", 85.5, 1.7, 0.5339),
        (_B, 8, "as before, nested tensors", 92.1, None, None),
        (_B, 8, "as before, int8", 90.3, None, 0.5330),
        (_B, 8, "as before, 2:4 sparse", 81.5, None, 0.478),
        (_B, 32, "best of all", 95.4, None, None),
        (_H, 8, "float32", 2.78, 28.8, 0.5842),
        (_H, 8, "bfloat16", 14.9, 14.4, None),
        (_H, 8, "bfloat16, compiled, Triton attention", 22.9, 4.55, 0.5820),
        (_H, 8, "as before, int8", 24.9, 4.2, 0.5819),
        (_H, 8, "as before, 2:4 sparse", 24.9, None, 0.529),
        (_H, 32, "best of all", 25.2, None, None),
    )
    for checkpoint, batch, precision, images_per_second, gigabytes, iou in rows:
        for metric, value, scale in (
            ("images_per_second", images_per_second, 1.0),
            ("memory_bytes", gigabytes, _GB),
            ("centre_click_iou", iou, 1.0),
        ):
            if value is not None:
                yield from _table(
                    metric,
                    source,
                    {checkpoint: value},
                    scale=scale,
                    hardware="A100 40 GB",
                    precision=precision,
                    batch=batch,
                    data="COCO val2017",
                    prompts="centre point of each object",
                )
    for precision, value in (("bfloat16, compiled", 22.0), ("int8", 24.3), ("int8 and 2:4 sparse", 25.5)):
        yield from _table(
            "images_per_second", "torchao", {_H: value}, batch=32, precision=precision, note="SAM of ViT-H's class"
        )
    yield from _table(
        "memory_bytes", "torchao", {_H: 28}, scale=_GB, batch=32, precision="int8 and 2:4 sparse", note="about"
    )


def _memory() -> Iterable[Figure]:
    yield from _table(
        "memory_bytes",
        "FastSAM README",
        {_H: 7060, _B: 4670, _FAST_X: 2608},
        scale=_MB,
        hardware="RTX 3090",
        data="COCO 2017",
    )
    yield from _table(
        "memory_bytes",
        "HQ-SAM README",
        {_MOBILE: 3.7, "sam_hq_vit_tiny": 3.7},
        scale=_GB,
        prompts="a detector's boxes",
        data="COCO",
    )


def _arithmetic() -> Iterable[Figure]:
    """Yield FLOPs; they vary because projects count a multiply-add as one or two, or leave out attention."""
    yield from _table(
        "encoder_flops",
        "EdgeSAM README",
        {_H: 2734.8, _FAST_X: 887.6, _MOBILE: 38.2, _EDGE: 22.1, _EDGE3: 22.1},
        scale=_GFLOP,
        note="a multiply-add counts once",
    )
    yield from _table(
        "encoder_flops",
        "TinySAM README",
        {_H: 3166, _L: 1681, _B: 677, _FAST_X: 344, _MOBILE: 232, _TINY: 232},
        scale=_GFLOP,
        note="counting method not stated",
    )


def _average_precision() -> Iterable[Figure]:
    boxes, coco = "boxes of a ViTDet-H detector", "COCO val2017"
    yield from _table(
        "coco_ap",
        "TinySAM README",
        {_H: 46.6, _L: 46.2, _B: 43.4},
        scale=_PERCENT,
        data=coco,
        prompts=f"{boxes}, best of three masks",
    )
    yield from _table(
        "coco_ap",
        "TinySAM README",
        {_H: 46.5, _L: 45.5, _B: 41.0, _MOBILE: 41.0, _TINY: 41.9, _FAST_X: 37.9},
        scale=_PERCENT,
        data=coco,
        prompts=f"{boxes}, one mask",
    )
    yield from _table(
        "lvis_ap",
        "TinySAM README",
        {_H: 44.7, _L: 43.5, _B: 40.8, _MOBILE: 37.0, _TINY: 38.6, _FAST_X: 34.5},
        scale=_PERCENT,
        data="LVIS v1 val",
        prompts=boxes,
    )
    yield from _table(
        "coco_ap",
        "EdgeSAM README",
        {_H: 46.1, _FAST_X: 37.9, _MOBILE: 39.4, _EDGE: 42.2, _EDGE3: 42.7},
        scale=_PERCENT,
        data=coco,
        prompts=f"{boxes}, no refining step",
    )
    yield from _table("coco_ap", "FastSAM README", {_H: 46.5, _FAST_X: 37.9}, scale=_PERCENT, data=coco, prompts=boxes)


def _average_precision_of_hq() -> Iterable[Figure]:
    coco, focal = "COCO val2017", "boxes of a FocalNet-DINO detector"
    yield from _table(
        "coco_ap",
        "HQ-SAM README",
        {_MOBILE: 44.3, "sam_hq_vit_tiny": 45.0},
        scale=_PERCENT,
        data=coco,
        prompts=f"{focal}, one mask",
    )
    for mode, values in (("one mask", (50.0, 50.9)), ("best of three masks", (48.3, 50.4))):
        yield from _table(
            "coco_ap",
            "HQ-SAM 2 README",
            dict(zip(("sam2.1_l", "sam2.1_hq_l"), values, strict=True)),
            scale=_PERCENT,
            data=coco,
            prompts=f"{focal}, {mode}",
        )
    yield from _table(
        "seginw_ap",
        "HQ-SAM README",
        {_H: 48.7, "sam_hq_vit_h": 49.6},
        scale=_PERCENT,
        data="SegInW, 25 sets",
        prompts="boxes of Grounding DINO, Swin-B",
    )
    for low in (47.0, 48.5):
        yield from _table(
            "lvis_ap", "SAM 3 README", {"sam3": low}, scale=_PERCENT, data="LVIS", prompts="texts", note="47.0 to 48.5"
        )


def _recall() -> Iterable[Figure]:
    for side, values in ((64, {_H: 67.7}), (32, {_H: 62.5, _B: 59.1})):
        yield from _table(
            "average_recall",
            "FastSAM README",
            values,
            scale=_PERCENT,
            data="COCO",
            prompts=f"grid of {side} x {side} points",
        )
    yield from _table("average_recall", "FastSAM README", {_FAST_X: 63.7}, scale=_PERCENT, data="COCO", prompts="none")


def _mean_iou() -> Iterable[Figure]:
    mobile, fast = (0.73, 0.71, 0.74, 0.73, 0.73), (0.27, 0.33, 0.37, 0.41, 0.41)
    for pixels, ours, theirs in zip((100, 200, 300, 400, 500), mobile, fast, strict=True):
        yield from _table(
            "agreement_iou",
            "MobileSAM README",
            {_MOBILE: ours, _FAST_X: theirs},
            prompts=f"two points {pixels} pixels apart",
        )
    yield from _table("box_iou", "NanoSAM README", {_MOBILE: 0.728}, data="COCO val2017", prompts="true boxes")
    for precision, values in (
        ("float32", {_B: 66.24, _L: 59.60, _H: 70.95}),
        ("int8 weights and activations, decoder float32", {_B: 65.80, _L: 59.62, _H: 70.84}),
    ):
        yield from _table(
            "mean_iou",
            "optimum-intel PR 1384",
            values,
            scale=_PERCENT,
            hardware="CPU, OpenVINO",
            precision=precision,
            note="own small data set; ViT-L is below ViT-B",
        )
    yield from _table(
        "int8_speedup",
        "optimum-intel PR 1384",
        {_B: 1.38, _L: 1.67, _H: 1.75},
        hardware="CPU, OpenVINO",
        precision="int8 weights and activations, decoder float32",
    )


def _fine_tuned() -> Iterable[Figure]:
    for data, states in (
        ("COCO 2017", (("as published", 0.798), ("decoder fine-tuned, 2 epochs", 0.807))),
        ("TrashCan 1.0", (("as published", 0.664), ("5 epochs", 0.789), ("14 epochs", 0.800))),
        ("WGISD", (("as published", 0.854), ("decoder fine-tuned", 0.873))),
    ):
        for note, value in states:
            yield from _table(
                "box_iou", "lightning-sam README", {_H: value}, data=data, prompts="true boxes", note=note
            )
    yield from _table(
        "dice_gain",
        "Huang et al. 2024",
        {_B: 4.39, _H: 6.68},
        scale=_PERCENT,
        data="COSMOS 1050K, medical",
        note="by fine-tuning on the task",
    )


def _video() -> Iterable[Figure]:
    names = ("sam2.1_t", "sam2.1_s", "sam2.1_b+", "sam2.1_l")
    for data, values in (
        ("SA-V test", (76.5, 76.6, 78.2, 79.5)),
        ("MOSE val", (71.8, 73.5, 73.7, 74.6)),
        ("LVOSv2", (77.3, 78.3, 78.2, 80.6)),
    ):
        yield from _table("video_jf", "SAM 2 README", dict(zip(names, values, strict=True)), data=data)
    yield from _table(
        "parameters",
        "SAM 2 README",
        dict(zip(names, (38.9, 46.0, 80.8, 224.4), strict=True)),
        scale=_MILLION,
    )


def _efficientvit() -> Iterable[Figure]:
    source, boxes = "EfficientViT-SAM README", "boxes of a ViTDet detector"

    def named(values: tuple[float, ...]) -> dict[str, float]:
        sizes = ("l0", "l1", "l2", "xl0", "xl1")
        return {f"efficientvit_sam_{size}": value for size, value in zip(sizes, values, strict=True)}

    coco, lvis = named((45.7, 46.2, 46.6, 47.5, 47.8)), named((41.8, 42.1, 42.7, 43.9, 44.4))
    yield from _table("coco_ap", source, coco, scale=_PERCENT, data="COCO val2017", prompts=boxes)
    yield from _table("lvis_ap", source, lvis, scale=_PERCENT, data="LVIS v1 val", prompts=boxes)
    yield from _table("parameters", source, named((34.8, 47.7, 61.3, 117.0, 203.3)), scale=_MILLION)
    yield from _table(
        "encoder_flops",
        source,
        named((35, 49, 69, 185, 322)),
        scale=_GFLOP,
        note="a multiply-add counts once",
    )
    yield from _table(
        "images_per_second",
        source,
        named((762, 638, 538, 278, 182)),
        hardware="A100",
        precision="TensorRT, float16",
        batch=16,
        note="data transfer included",
    )


def _repvit() -> Iterable[Figure]:
    source, repvit = "RepViT-SAM README", "repvit_sam"
    for hardware, milliseconds in (
        ("iPhone 12", {repvit: 48.9}),
        ("MacBook M1 Pro", {_B: 6249.5, _MOBILE: 482.2, repvit: 44.8}),
    ):
        yield from _table(
            "encode_seconds",
            source,
            milliseconds,
            scale=_MS,
            hardware=hardware,
            precision="Core ML",
            note="1024 pixels",
        )
    coco, seginw = (46.8, 42.5, 42.7, 44.4), (48.7, 44.8, 43.9, 46.1)
    for metric, values, data in (("coco_ap", coco, "COCO"), ("seginw_ap", seginw, "SegInW")):
        rows = dict(zip((_H, _B, _MOBILE, repvit), values, strict=True))
        yield from _table(metric, source, rows, scale=_PERCENT, data=data, note="prompts are not stated")


def _medical() -> Iterable[Figure]:
    """SAM-Med2D beside SAM ViT-B at its own size; of the authors' test set."""
    for prompts, values in (("true boxes", (74.49, 79.30)), ("1 click", (36.88, 70.01))):
        yield from _table(
            "mean_dice",
            "SAM-Med2D README",
            dict(zip((_B, "sam_med2d_b"), values, strict=True)),
            scale=_PERCENT,
            data="test set of SAM-Med2D, medical",
            prompts=prompts,
        )


def _samara_mini() -> Iterable[Figure]:
    """Yield rounded means over the sources of a domain; `tests/published` compares them with the measurement."""
    for metric, means in (
        ("centre_click_iou", {"natural": 0.593, "medical": 0.740, "satellite": 0.590}),
        ("box_iou", {"natural": 0.783, "medical": 0.818, "satellite": 0.764}),
    ):
        for domain, value in means.items():
            yield from _table(metric, "samara_mini card", {"samara_mini": value}, data=f"{domain} images")


def _fine_tuning() -> Iterable[Figure]:
    """Yield peaks of samara's own benchmark beyond the loaded network; a test compares them with its file."""
    for metric, values, note in (
        (
            "finetuning_bytes",
            {_H: 1338421248, _L: 1297162240, _B: 1271033856, _MOBILE: 1409765376},
            "cached embeddings",
        ),
        ("finetuning_bytes", {_H: 1210593280, _L: 1227161600, _B: 1158676480, _MOBILE: 1265569792}, "no cache"),
    ):
        yield from _table(
            metric,
            "samara fine-tuning benchmark",
            values,
            hardware="2 cores, CPU",
            precision="float32",
            note=f"{note}, beyond the loaded network",
        )


FIGURES: tuple[Figure, ...] = (
    *_speed(),
    *_speed_of_small_ones(),
    *_speed_of_everything(),
    *_throughput(),
    *_memory(),
    *_arithmetic(),
    *_average_precision(),
    *_average_precision_of_hq(),
    *_recall(),
    *_mean_iou(),
    *_fine_tuned(),
    *_video(),
    *_efficientvit(),
    *_repvit(),
    *_medical(),
    *_samara_mini(),
)

FINETUNING_FIGURES: tuple[Figure, ...] = tuple(_fine_tuning())
"""Memory of fine-tuning that this project measured; not among `FIGURES`, which count as evidence of others."""
