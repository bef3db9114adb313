"""Variants: architecture numbers, preprocessing and capabilities, as data.

A variant describes a network and its supported prompts; its files of weights are in `samara.checkpoints`. Adding a
variant of a known family is one entry in `VARIANTS`; adding a family is one network file, one dataclass in
`samara.networks.architectures` and one `case` in `samara.networks.build`. The class is in `samara.networks.variant`.

Numbers: see `samara.networks.architectures`; for families that cannot be run yet, the sources named next to them.
`None` means unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from samara.networks import class_names
from samara.networks.architectures import (
    EFFICIENTVIT,
    HIERA,
    REPVIT_M1,
    REPVIT_SAM,
    SAM2_MAPS,
    YOLO11,
    YOLOV8,
    PlainViTConfig,
    TinyViTConfig,
    ViTConfig,
)
from samara.networks.presets import PRESETS

# Re-exported for users of variants.
from samara.networks.variant import Capabilities as Capabilities
from samara.networks.variant import Family as Family
from samara.networks.variant import Preprocessing as Preprocessing
from samara.networks.variant import Variant as Variant

_VIT_B = ViTConfig(embed_dim=768, depth=12, num_heads=12, global_attention_blocks=(2, 5, 8, 11))
_VIT_L = ViTConfig(embed_dim=1024, depth=24, num_heads=16, global_attention_blocks=(5, 11, 17, 23))
_VIT_H = ViTConfig(embed_dim=1280, depth=32, num_heads=16, global_attention_blocks=(7, 15, 23, 31))
# SlimSAM, "uniform": ViT-B with fewer channels. czg1225/SlimSAM `segment_anything/build_sam.py` @b612c1b.
_SLIM_50 = replace(_VIT_B, embed_dim=384)
_SLIM_77 = replace(_VIT_B, embed_dim=168, mlp_ratio=696 / 168)
_SAM2 = Preprocessing(fit="squash", resize="float", multiple=32)
_SQUASHED = Preprocessing(fit="squash")
_EFFICIENT = Preprocessing(fit="squash", resize="float without antialiasing", upsampling="bicubic")
_YOLO = Preprocessing(input_size=640, fit="letterbox", multiple=32, mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))
_NOT_PROMPTABLE = Capabilities(points=False, negative_points=False, boxes=False, mask_input=False, max_points=0)
_SELECTING = Capabilities(mask_input=False)
_LITE_MEDSAM, _SAM_MED2D = PRESETS["lite_medsam"], PRESETS["sam_med2d"]
_EFFICIENT_PROMPTS = Capabilities(negative_points=False, mask_input=False, max_points=6, points_per_box=2)

_VARIANTS = (
    Variant(
        name="vit_b",
        family="sam",
        title="SAM ViT-B",
        image_encoder=_VIT_B,
        parameters=93_735_472,
        keys=314,
    ),
    Variant(
        name="vit_l",
        family="sam",
        title="SAM ViT-L",
        image_encoder=_VIT_L,
        parameters=312_342_832,
        keys=482,
    ),
    Variant(
        name="vit_h",
        family="sam",
        title="SAM ViT-H",
        image_encoder=_VIT_H,
        parameters=641_090_608,
        keys=594,
    ),
    Variant(
        name="slimsam_50",
        family="sam",
        title="SlimSAM-50",
        image_encoder=_SLIM_50,
        parameters=27_961_776,
        keys=314,
    ),
    Variant(
        name="slimsam_77",
        family="sam",
        title="SlimSAM-77",
        image_encoder=_SLIM_77,
        parameters=9_723_528,
        keys=314,
    ),
    Variant(
        name="vit_t",
        family="mobile_sam",
        title="MobileSAM",
        image_encoder=TinyViTConfig(),
        parameters=10_130_092,
        keys=439,
    ),
    # HQ-SAM: SAM plus an HQ token and the output of the first global block (Light: of the second stage); one mask per
    # prompt, even if three are requested. SysCV/sam-hq `build_sam.py` and `modeling/*`.
    Variant(
        name="hq_vit_b",
        family="hq_sam",
        title="HQ-SAM ViT-B",
        image_encoder=replace(_VIT_B, early_block=2),
        hq_token=True,
        parameters=94_806_576,
        keys=339,
    ),
    Variant(
        name="hq_vit_l",
        family="hq_sam",
        title="HQ-SAM ViT-L",
        image_encoder=replace(_VIT_L, early_block=5),
        hq_token=True,
        parameters=313_676_080,
        keys=507,
    ),
    Variant(
        name="hq_vit_h",
        family="hq_sam",
        title="HQ-SAM ViT-H",
        image_encoder=replace(_VIT_H, early_block=7),
        hq_token=True,
        parameters=642_686_000,
        keys=619,
    ),
    Variant(
        name="hq_vit_t",
        family="hq_sam",
        title="Light HQ-SAM",
        image_encoder=TinyViTConfig(early_stage=1),
        hq_token=True,
        parameters=10_578_604,
        keys=464,
    ),
    # Medical: LiteMedSAM has no classifier; its prompts and masks are in the frame of its input, 4 pixels for each of
    # 64 × 64 cells. SAM-Med2D is ViT-B at 256 pixels with an adapter in each block.
    Variant(
        name="lite_medsam",
        family="mobile_sam",
        title="LiteMedSAM",
        image_encoder=TinyViTConfig(stem_stride=1, num_classes=0),
        frame_cell=4,
        preprocessing=replace(_LITE_MEDSAM.preprocessing, input_size=256),
        capabilities=_LITE_MEDSAM.capabilities,
        parameters=9_791_300,
        keys=435,
    ),
    Variant(
        name="sam_med2d_b",
        family="sam",
        title="SAM-Med2D ViT-B",
        image_encoder=replace(_VIT_B, adapter_width=192),
        preprocessing=replace(_SAM_MED2D.preprocessing, input_size=256),
        capabilities=_SAM_MED2D.capabilities,
        parameters=271_241_776,
        keys=386,
    ),
    # SAM 2: counts are of the image part; the files also contain the video memory, to which SAM 2.1 added three
    # entries. 0.8: facebookresearch/sam2 `automatic_mask_generator.py` @2b90b9f.
    *(
        Variant(
            name=f"{name}_hiera_{size}",
            family="sam2",
            title=f"{title} {word}",
            image_encoder=HIERA[size],
            preprocessing=_SAM2,
            finer_maps=SAM2_MAPS,
            parameters=parameters,
            keys=keys,
            pred_iou_thresh=0.8,
        )
        for name, title in (("sam2", "SAM 2"), ("sam2.1", "SAM 2.1"))
        for size, word, parameters, keys in (
            ("t", "tiny", 31_440_721, 311),
            ("s", "small", 38_538_577, 359),
            ("b+", "base+", 73_328_401, 455),
            ("l", "large", 216_924_865, 743),
        )
    ),
    # EfficientViT-SAM: SAM's prompts and decoder, in a frame of 1024 pixels whatever the encoder sees. The stride of
    # the coarsest stage is four times that of the embedding. mit-han-lab/efficientvit @de7d773,
    # `models/efficientvit/sam.py`.
    *(
        Variant(
            name=f"efficientvit_sam_{size}",
            family="efficientvit_sam",
            title=f"EfficientViT-SAM {size}",
            image_encoder=EFFICIENTVIT[size],
            preprocessing=Preprocessing(
                input_size=64 * EFFICIENTVIT[size].stride, multiple=4 * EFFICIENTVIT[size].stride
            ),
            parameters=parameters,
            keys=keys,
        )
        for size, parameters, keys in (
            ("l0", 34_792_784, 409),
            ("l1", 47_650_128, 515),
            ("l2", 61_328_592, 645),
            ("xl0", 116_957_904, 455),
            ("xl1", 203_346_128, 701),
        )
    ),
    # HQ-SAM 2: SAM 2.1 large plus an HQ token. SysCV/sam-hq `sam-hq2/sam2/modeling/sam/mask_hq_decoder.py` @fb181f8.
    Variant(
        name="sam2.1_hq_hiera_l",
        family="sam2",
        title="HQ-SAM 2 large",
        image_encoder=HIERA["l"],
        preprocessing=_SAM2,
        finer_maps=SAM2_MAPS,
        hq_token=True,
        parameters=217_102_017,
        keys=756,
        pred_iou_thresh=0.8,
    ),
    Variant(name="sam3", family="sam3", title="SAM 3"),
    # EfficientSAM: a decoder and prompts of its own. The thresholds, and how it searches, are those of its notebook
    # that segments everything; yformer/EfficientSAM @d525f62.
    *(
        Variant(
            name=f"efficient_sam_{size}",
            family="efficient_sam",
            title=f"EfficientSAM-{size.title()}",
            image_encoder=PlainViTConfig(embed_dim=64 * heads, depth=12, num_heads=heads),
            preprocessing=_EFFICIENT,
            capabilities=_EFFICIENT_PROMPTS,
            parameters=parameters,
            keys=278,
            pred_iou_thresh=0.7,
            stability_score_thresh=0.9,
            min_mask_region_area=100,
            best_of_three=True,
            point_grid="corners",
        )
        for size, heads, parameters in (("ti", 3, 10_223_204), ("s", 6, 26_413_028))
    ),
    # EdgeSAM: its last stage has a stride of 32. The predictor of IoU was not trained, so its own code ranks masks by
    # stability, and 0.88 is of that. chongzhou96/EdgeSAM @b53372c, `predictor.py` and `automatic_mask_generator.py`.
    Variant(
        name="edge_sam",
        family="edge_sam",
        title="EdgeSAM",
        image_encoder=REPVIT_M1,
        preprocessing=Preprocessing(multiple=32),
        ranks_by="stability",
        parameters=9_582_112,
        keys=821,
    ),
    Variant(
        name="repvit_sam",
        family="repvit_sam",
        title="RepViT-SAM",
        image_encoder=REPVIT_SAM,
        parameters=27_223_480,
        keys=1_598,
    ),
)

# FastSAM is YOLOv8-seg with one class; prompts choose among the masks found. Thresholds: its README and its published
# inference settings (confidence 0.4 and 0.25, IoU 0.9 and 0.7).
_FAST_SAM = tuple(
    Variant(
        name=f"fastsam_{size}",
        family="yolo_seg",
        title=f"FastSAM-{size}",
        detector=replace(YOLOV8[size], classes=1),
        class_names=class_names.OBJECT,
        parameters=parameters,
        keys=keys,
        preprocessing=replace(_YOLO, input_size=1024),
        capabilities=_SELECTING,
        pred_iou_thresh=0.4,
        stability_score_thresh=0.0,
        box_nms_thresh=0.9,
    )
    for size, parameters, keys in (("s", 11_790_483, 417), ("x", 71_751_811, 657))
)
_YOLO_SEG = tuple(
    Variant(
        name=f"{generation.lower()}{size}_seg",
        family="yolo_seg",
        title=f"{generation}{size}-seg",
        detector=sizes[size],
        class_names=class_names.COCO,
        parameters=parameters,
        keys=keys,
        preprocessing=_YOLO,
        capabilities=_NOT_PROMPTABLE,
        pred_iou_thresh=0.25,
        stability_score_thresh=0.0,
    )
    for generation, sizes, size, parameters, keys in (
        ("YOLOv8", YOLOV8, "n", 3_409_968, 417),
        ("YOLOv8", YOLOV8, "s", 11_821_056, 417),
        ("YOLOv8", YOLOV8, "m", 27_285_968, 537),
        ("YOLOv8", YOLOV8, "l", 45_997_728, 657),
        ("YOLOv8", YOLOV8, "x", 71_827_888, 657),
        ("YOLO11", YOLO11, "n", 2_876_848, 561),
        ("YOLO11", YOLO11, "s", 10_113_248, 561),
        ("YOLO11", YOLO11, "m", 22_420_896, 711),
        ("YOLO11", YOLO11, "l", 27_678_368, 1_077),
        ("YOLO11", YOLO11, "x", 62_142_656, 1_077),
    )
)

VARIANTS: Mapping[str, Variant] = {variant.name: variant for variant in (*_VARIANTS, *_FAST_SAM, *_YOLO_SEG)}


def runnable_names() -> list[str]:
    """Return the names of the variants that samara has a network for."""
    return [name for name, variant in VARIANTS.items() if variant.is_runnable]
