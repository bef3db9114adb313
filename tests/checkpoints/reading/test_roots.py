"""Prefixes by structure: whatever stands before a root, and whatever wrappers put between."""

from __future__ import annotations

import pytest

from samara.checkpoints.reading.rename import other_names, other_prefixes, published_names
from samara.checkpoints.reading.roots import networks_in, without_wrappers
from tests.checkpoints.files import ALL_LAYOUTS, shapes_of

PREFIXES = [
    "_fsdp_wrapped_module.",
    "_fsdp_wrapped_module.model.",
    "base_model.model.",
    "module.",
    "_orig_mod.",
    "model.sam.",
    "module._orig_mod.student.sam_model.",
    "net.visual_model.",
    "a.name.that.nobody.foresaw.",
    "ema_model.module.",
    "0.",
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("variant", ["vit_t", "hq_vit_b", "yolov8n_seg"])
def test_what_stands_before_a_root_is_taken_off(variant, prefix):
    published = shapes_of(variant)
    names, found, _ = published_names({prefix + name: shape for name, shape in published.items()})
    assert (names, found) == (published, prefix)


@pytest.mark.parametrize("wrapper", ["_fsdp_wrapped_module", "_orig_mod", "_checkpoint_wrapped_module", "module"])
def test_what_wrappers_put_between_is_taken_out(wrapper):
    published = shapes_of("vit_b")
    wrapped = {
        name.replace("image_encoder.", f"image_encoder.{wrapper}.").replace(".attn.", f".{wrapper}.attn."): shape
        for name, shape in published.items()
    }
    wrapped = {f"module.{name}": shape for name, shape in wrapped.items()}
    assert published_names(wrapped)[0] == published


def test_a_wrapper_around_some_parts_only():
    published = shapes_of("vit_t")
    wrapped = {
        f"{'_fsdp_wrapped_module.' if name.startswith('mask') else ''}{name}": shape
        for name, shape in published.items()
    }
    assert published_names(wrapped)[0] == published


@pytest.mark.parametrize("variant", ALL_LAYOUTS)
def test_published_names_hold_nothing_of_wrappers(variant):
    assert all(without_wrappers(name) == name for name in shapes_of(variant))


def test_names_that_only_a_wrapper_told_apart_stay_apart():
    names = {"image_encoder.module.a": 1, "image_encoder.a": 2}
    assert published_names(names)[0] == names


def test_of_two_networks_the_fuller_then_the_average_then_the_first_is_taken():
    whole = shapes_of("vit_t")
    part = {name: shape for name, shape in whole.items() if not name.startswith("image_encoder")}

    def prefixed(**networks):
        return {f"{prefix}.{name}": 0 for prefix, names in networks.items() for name in names}

    def taken(names):
        return networks_in(names)[0].prefix

    assert taken(prefixed(student=part, teacher=whole)) == "teacher."
    assert taken(prefixed(student=whole, teacher=whole)) == "student."
    assert taken(prefixed(student=whole, ema_student=whole)) == "ema_student."
    assert taken(prefixed(model=whole, ema=list(whole)[1:])) == "model."
    names = prefixed(student=whole, teacher=whole) | {"loss.weight": 0}
    assert other_prefixes(names) == ["teacher."]
    assert len(other_names(names)) == len(whole) + 1


@pytest.mark.parametrize("part", ["mask_decoder", "prompt_encoder", "image_encoder"])
@pytest.mark.parametrize("prefix", ["", "module.", "decoder.", "model.decoder."])
def test_a_bare_part_under_a_prefix(part, prefix):
    bare = {name.removeprefix(f"{part}."): shape for name, shape in shapes_of("vit_b").items() if name.startswith(part)}
    assert published_names({prefix + name: shape for name, shape in bare.items()})[0] == bare


def test_names_without_roots_stay():
    names = {"model.layer1.weight": 0, "fc.bias": 0}
    assert networks_in(names) == []
    assert published_names(names) == (names, "", False)
