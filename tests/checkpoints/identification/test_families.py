import pytest
import torch

from samara.checkpoints.identification.families import recognise
from samara.checkpoints.identification.key_tables import NO_FAULTS
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import ALL_LAYOUTS, shapes_of


@pytest.mark.parametrize("variant", ALL_LAYOUTS)
def test_official_networks_are_recognised(variant):
    found = recognise(shapes_of(variant))
    assert (found.variant, found.family, found.part) == (variant, VARIANTS[variant].family, "whole")
    assert found.title == VARIANTS[variant].title
    assert (found.faults, found.note) == (NO_FAULTS, "")


@pytest.mark.parametrize(
    ("variant", "classes"),
    [("yolov8n_seg", 80), ("yolo11n_seg", 80), ("fastsam_s", 1), ("fastsam_x", 1), ("vit_b", None)],
)
def test_classes_are_counted(variant, classes):
    assert recognise(shapes_of(variant)).classes == classes


@pytest.mark.parametrize("part", ["image_encoder", "prompt_encoder", "mask_decoder"])
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("variant", ["vit_b", "hq_vit_t"])
def test_parts_are_recognised(variant, part, bare):
    shapes = {name: shape for name, shape in shapes_of(variant).items() if name.startswith(part)}
    if bare:
        shapes = {name.removeprefix(f"{part}."): shape for name, shape in shapes.items()}
    found = recognise(shapes)
    assert found.part == part
    assert found.faults == NO_FAULTS


def test_a_decoder_does_not_tell_the_size_unless_it_is_hq():
    for variant, expected in (
        ("vit_b", None),
        ("vit_h", None),
        ("hq_vit_h", "hq_vit_h"),
        ("hq_vit_t", "hq_vit_t"),
    ):
        found = recognise(
            {name: shape for name, shape in shapes_of(variant).items() if name.startswith("mask_decoder")}
        )
        assert found.variant == expected
        assert bool(found.note) == (expected is None)


def test_an_encoder_tells_the_size():
    shapes = {name: shape for name, shape in shapes_of("vit_l").items() if name.startswith("image_encoder")}
    assert recognise(shapes).variant == "vit_l"


def test_prompt_encoder_and_decoder_together():
    shapes = {name: shape for name, shape in shapes_of("vit_l").items() if not name.startswith("image_encoder")}
    assert recognise(shapes).part == "prompt_encoder+mask_decoder"


def test_faults_are_told():
    shapes = shapes_of("vit_l")
    gone = [name for name in shapes if name.startswith("image_encoder.blocks.7.mlp.")]
    for name in gone:
        del shapes[name]
    shapes["image_encoder.pos_embed"] = (1, 32, 32, 1024)
    shapes["extra.weight"] = (3,)
    found = recognise(shapes)
    assert found.variant == "vit_l"
    assert sorted(found.faults.missing) == sorted(gone)
    assert found.faults.unexpected == ("extra.weight",)
    assert found.faults.misshapen == ("image_encoder.pos_embed",)


def test_stored_normalisation_is_no_fault():
    assert recognise(shapes_of("vit_b") | {"pixel_mean": (3, 1, 1), "pixel_std": (3, 1, 1)}).faults.unexpected == ()


def test_the_unused_classifier_of_mobile_sam_may_be_gone():
    shapes = {
        name: shape for name, shape in shapes_of("vit_t").items() if "head.weight" not in name or "image" not in name
    }
    assert recognise(shapes).faults.missing == ()


def test_an_unknown_width_has_no_variant():
    shapes = shapes_of("vit_b") | {"image_encoder.patch_embed.proj.weight": (168, 3, 16, 16)}
    found = recognise(shapes)
    assert found.variant is None
    assert "168 wide" in found.note


def test_an_unknown_encoder_has_no_variant():
    shapes = {name: shape for name, shape in shapes_of("vit_b").items() if not name.startswith("image_encoder")}
    found = recognise(shapes | {"image_encoder.stem.weight": (3,)})
    assert found.variant is None
    assert "is unknown" in found.note


@pytest.mark.parametrize("prefix", ["detector.", "detector_model."])
def test_sam_3(prefix):
    assert recognise({f"{prefix}backbone.weight": (1,)}).variant == "sam3"


@pytest.mark.parametrize(("width", "variant"), [(192, "efficient_sam_ti"), (384, "efficient_sam_s"), (100, None)])
def test_efficient_sam(width, variant):
    shapes = {
        "image_encoder.pos_embed": (1, 197, width),
        "image_encoder.patch_embed.proj.weight": (width, 3, 16, 16),
        "prompt_encoder.invalid_points.weight": (1, 256),
        "mask_decoder.iou_token.weight": (1, 256),
    }
    found = recognise(shapes)
    assert (found.family, found.variant, found.part) == ("efficient_sam", variant, "whole")


def test_edge_sam():
    shapes = {
        "image_encoder.features.0.2.c.weight": (48, 24, 3, 3),
        "prompt_encoder.not_a_point_embed.weight": (1, 256),
        "mask_decoder.iou_token.weight": (1, 256),
    }
    found = recognise(shapes)
    assert (found.family, found.variant, found.part) == ("edge_sam", "edge_sam", "whole")


def rescaled(variant, width, **changes):
    shapes = shapes_of(variant) | {"model.0.conv.weight": (width, 3, 3, 3)}
    return shapes | {name.replace("__", "."): shape for name, shape in changes.items()}


@pytest.mark.parametrize(
    ("variant", "width", "title"),
    [
        ("yolov8n_seg", 32, "YOLOv8s-seg"),
        ("yolov8n_seg", 48, "YOLOv8m-seg"),
        ("yolo11n_seg", 64, "YOLO11m-seg"),
        ("yolo11n_seg", 96, "YOLO11x-seg"),
    ],
)
def test_sizes_of_yolo_are_told_by_their_width(variant, width, title):
    found = recognise(rescaled(variant, width))
    assert (found.title, found.classes) == (title, 80)
    assert VARIANTS[found.variant].title == title


def test_an_impossible_width_of_yolo_is_no_variant():
    found = recognise(rescaled("yolov8n_seg", 17))
    assert (found.title, found.variant, found.classes) == ("YOLO-seg", None, 80)


def test_a_deep_yolo_11_is_large():
    assert recognise(rescaled("yolo11n_seg", 64) | {"model.2.m.1.cv1.conv.weight": (1, 1, 1, 1)}).title == "YOLO11l-seg"


@pytest.mark.parametrize("name", [name for name in VARIANTS if VARIANTS[name].detector])
def test_every_detector_is_recognised(name):
    with torch.device("meta"):
        network = build_network(VARIANTS[name])
    found = recognise({key: tuple(value.shape) for key, value in network.state_dict().items()})
    assert (found.variant, found.note, found.classes) == (name, "", len(VARIANTS[name].class_names))


@pytest.mark.parametrize(
    ("names", "variant"), [(None, "fastsam_s"), (("object",), "fastsam_s"), (("cell",), "yolov8s_seg")]
)
def test_one_class_is_fast_sam_unless_it_is_called_otherwise(names, variant):
    assert recognise(shapes_of("fastsam_s"), names).variant == variant


def test_a_yolo_of_ones_own_keeps_its_variant_and_says_its_classes():
    shapes = shapes_of("yolov8n_seg") | {"model.22.cv3.0.2.weight": (3, 80, 1, 1)}
    found = recognise(shapes)
    assert (found.variant, found.classes) == ("yolov8n_seg", 3)


def test_an_unknown_yolo_is_named():
    found = recognise({"model.0.conv.weight": (17, 3, 3, 3), "model.30.proto.cv1.conv.weight": (1, 1, 3, 3)})
    assert (found.family, found.variant) == ("yolo_seg", None)
    assert "neither YOLOv8 nor YOLO11" in found.note


def test_a_yolo_with_keys_missing_says_so():
    shapes = shapes_of("yolov8n_seg")
    del shapes["model.1.bn.bias"]
    found = recognise(shapes)
    assert found.note == "with 416 keys instead of 417"
    assert (found.faults.missing, found.faults.unexpected, found.faults.misshapen) == (("model.1.bn.bias",), (), ())
    del shapes["model.1.bn.num_batches_tracked"]
    assert recognise(shapes).faults.missing == ("model.1.bn.bias",)


@pytest.mark.parametrize("shapes", [{}, {"fc.weight": (1000, 2048)}, {"model.0.conv.weight": (16, 3, 3, 3)}])
def test_other_networks_are_not_recognised(shapes):
    assert recognise(shapes) is None
