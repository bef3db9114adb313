"""The prompts that ground truth becomes, and who can take them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from samara.masks.rle import encode_mask
from samara.measurement.evaluation.protocols import PROMPTS, pixel_of_rle, refusals
from samara.measurement.records.metrics import MEASURES
from samara.networks.presets import PRESETS
from samara.networks.variants import VARIANTS, Capabilities
from tests.measurement.evaluation.conftest import rectangle

TRUTH = encode_mask(rectangle(10, 20, 31, 61))
RAGGED = encode_mask(np.random.default_rng(0).random((30, 20)) > 0.6)


def test_clicks_and_boxes_are_of_the_object():
    assert PROMPTS["centre_click"](TRUTH, "p", 0).points_xy.tolist() == [[30, 20]]
    assert PROMPTS["box"](TRUTH, "p", 0).box_xyxy.tolist() == [20, 10, 61, 31]
    for measure, prompt in PROMPTS.items():
        assert prompt(TRUTH, "p", 0).is_ambiguous == ("click" in measure)


def test_pixels_are_numbered_column_by_column():
    pixels = [pixel_of_rle(RAGGED, rank) for rank in range(RAGGED.area)]
    assert pixels == [(x, y) for x in range(20) for y in range(30) if RAGGED.decode()[y, x]]


def test_random_clicks_are_uniform_over_the_object():
    small = encode_mask(rectangle(3, 4, 5, 8, (9, 9)))
    clicks = Counter(tuple(PROMPTS["random_click"](small, "p", seed).points_xy[0].astype(int)) for seed in range(2000))
    assert set(clicks) == {(x, y) for x in range(4, 8) for y in (3, 4)}
    # 250 expected of each; five standard deviations.
    assert all(abs(count - 250) < 75 for count in clicks.values())


def test_jitter_moves_each_side_by_a_tenth_of_the_object():
    boxes = np.array([PROMPTS["jittered_box"](TRUTH, "p", seed).box_xyxy for seed in range(2000)])
    moved = boxes - TRUTH.box_xyxy
    most = 20 * 80 / 1024
    assert np.abs(moved).max() == pytest.approx(most)
    assert np.allclose(moved.mean(0), 0, atol=0.15)
    # Normal with 4.1 across and 2.1 down, cut off at 1.56: most of it lies at the limits.
    assert (np.abs(moved[:, 0]) > 1.5).mean() == pytest.approx(0.714, abs=0.04)
    assert (np.abs(moved[:, 1]) < 1.5).mean() == pytest.approx(0.525, abs=0.04)


def test_prompts_belong_to_object_and_image_and_seed():
    for measure in ("random_click", "jittered_box"):
        ask = PROMPTS[measure]

        def numbers(*arguments, ask=ask):
            prompt = ask(*arguments)
            return (prompt.points_xy.tolist(), None if prompt.box_xyxy is None else prompt.box_xyxy.tolist())

        assert numbers(TRUTH, "p", 0) == numbers(TRUTH, "p", 0)
        assert numbers(TRUTH, "p", 0) != numbers(TRUTH, "q", 0)
        assert numbers(TRUTH, "p", 0) != numbers(TRUTH, "p", 1)


def test_a_single_pixel_can_be_asked_for():
    one = encode_mask(rectangle(0, 79, 1, 80))
    for prompt in PROMPTS.values():
        prompt(one, "p", 3).check_inside((60, 80))


@pytest.mark.parametrize(
    ("capabilities", "refused"),
    [
        (Capabilities(), set()),
        (Capabilities(mask_input=False), set()),
        (VARIANTS["yolo11n_seg"].capabilities, set(PROMPTS) | {"clicks"}),
        (VARIANTS["efficient_sam_ti"].capabilities, {"clicks"}),
        (replace(Capabilities(), boxes=False), {"box", "jittered_box"}),
        (replace(Capabilities(), max_points=6), {"clicks"}),
    ],
)
def test_capabilities_decide_what_applies(capabilities, refused):
    found = refusals(MEASURES, capabilities, "this network")
    assert set(found) == refused
    assert all(why.startswith("this network cannot take ") for why in found.values())


def test_what_answers_boxes_alone_is_measured_by_boxes_alone():
    able = PRESETS["medsam"].capabilities
    refused = refusals(MEASURES, able, "MedSAM")
    assert set(MEASURES) - set(refused) == {"box", "jittered_box"}
    assert refused["everything"] == "MedSAM finds nothing without a box"
    assert refused["centre_click"] == "MedSAM cannot take points"
