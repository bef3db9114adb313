"""Presets: what each says, which files are called like one, and where none applies."""

from __future__ import annotations

import pytest

from samara.errors import SettingsError
from samara.networks.presets import PRESETS, preset_by_name_of_file, preset_named, with_preset
from samara.networks.variants import VARIANTS

VIT_B = VARIANTS["vit_b"]


@pytest.mark.parametrize(
    ("name", "fit", "resize", "scale", "mean"),
    [
        ("sam", "pad", "pillow", "fixed", 123.675),
        ("medsam", "squash", "spline", "image", 0.0),
        ("lite_medsam", "pad", "area", "image", 0.0),
        ("sam_med2d", "squash", "nearest", "fixed", 123.675),
    ],
)
def test_a_preset_changes_the_preparation_and_not_the_network(name, fit, resize, scale, mean):
    changed = with_preset(VIT_B.at_input_size(512), name)
    own = changed.preprocessing
    assert (own.fit, own.resize, own.scale, own.mean[0]) == (fit, resize, scale, mean)
    assert (own.input_size, own.multiple, changed.preset) == (512, 16, name)
    assert (changed.name, changed.image_encoder) == (VIT_B.name, VIT_B.image_encoder)


@pytest.mark.parametrize("name", ["medsam", "lite_medsam"])
def test_weights_trained_on_boxes_take_boxes_alone(name):
    able = PRESETS[name].capabilities
    assert (able.boxes, able.points, able.mask_input, able.three_masks, able.everything) == (True, *[False] * 4)


def test_saying_what_holds_anyway_changes_nothing():
    assert with_preset(VIT_B, None) is VIT_B
    said = with_preset(VIT_B, "sam")
    assert (said.preprocessing, said.capabilities) == (VIT_B.preprocessing, VIT_B.capabilities)


@pytest.mark.parametrize("name", ["lite_medsam", "sam_med2d"])
def test_variants_that_content_tells_have_their_preset_anyway(name):
    variant = next(one for one in VARIANTS.values() if one.name.startswith(name))
    said = with_preset(variant, name)
    assert (said.preprocessing, said.capabilities) == (variant.preprocessing, variant.capabilities)


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(SettingsError, match="no preset 'medsan'; use sam, medsam, lite_medsam, sam_med2d"):
        preset_named("medsan")


def test_a_detector_has_no_preset():
    with pytest.raises(SettingsError, match="FastSAM-s finds instances in one pass"):
        with_preset(VARIANTS["fastsam_s"], "medsam")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("medsam_vit_b.pth", "medsam"),
        ("my-MedSAM-liver.safetensors", "medsam"),
        ("med_sam_tuned.pt", "medsam"),
        ("sam_vit_b_01ec64.pth", None),
        ("sam-med2d_b.pth", None),
        ("MedSAM2_latest.pt", None),
        ("medical.pth", None),
    ],
)
def test_names_of_files_are_a_hint(name, expected):
    found = preset_by_name_of_file([name], VIT_B)
    assert (found and found.name) == expected
    assert preset_by_name_of_file([name], VARIANTS["vit_t"]) is None
