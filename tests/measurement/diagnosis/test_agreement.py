"""The measure of agreement: exact for the same, and sensitive to what it must not miss."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from PIL import Image

from samara.engines.limits import LIMITS
from samara.measurement.diagnosis import agreement
from samara.measurement.diagnosis.agreement import STEPS, Agreement, ask, compare_answers, prompts_on
from tests.engines.conftest import small


@pytest.fixture(scope="module")
def loaded():
    return small("vit_t", 96)


@pytest.fixture(scope="module")
def photo(tmp_path_factory, dog):
    """One of 160 x 120 pixels, where the bundled ones are not what is in question."""
    path = tmp_path_factory.mktemp("photo") / "small.png"
    with Image.open(dog) as image:
        image.resize((160, 120)).save(path)
    return [path]


@pytest.fixture(autouse=True)
def _short_times(monkeypatch):
    monkeypatch.setattr(agreement, "MANY", 8)
    monkeypatch.setattr(agreement, "DECODER_REPEATS", 2)


def test_the_same_engine_agrees_with_itself(loaded):
    steps = []
    answers, again = ask(loaded), ask(loaded, step=lambda: steps.append(1))
    found = compare_answers(again, answers)
    assert found == Agreement(0.0, 1.0, 1.0)
    assert found.is_within("float32")
    assert len(steps) == STEPS
    assert min(again.encoder_s, again.decoder_s, again.decoder_many_s) > 0


def test_noise_in_the_weights_is_seen(loaded, photo):
    noisy = dataclasses.replace(loaded, network=copy.deepcopy(loaded.network))
    with torch.no_grad():
        for parameter in noisy.network.image_encoder.parameters():
            parameter.mul_(1 + 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    found = compare_answers(ask(noisy, photo), ask(loaded, photo))
    assert found.relative_error > 0.005
    assert not found.is_within("float32")


def test_a_wrong_decoder_is_seen(loaded, photo):
    wrong = dataclasses.replace(loaded, network=copy.deepcopy(loaded.network))
    with torch.no_grad():
        wrong.network.mask_decoder.mask_tokens.weight.mul_(-1)
    found = compare_answers(ask(wrong, photo), ask(loaded, photo))
    assert found.relative_error == 0
    assert not found.is_within("int8")


def test_no_number_is_not_within_anything():
    for precision in LIMITS:
        assert Agreement(0.0, 1.0, 1.0).is_within(precision)
        assert not Agreement(float("nan"), 1.0, 1.0).is_within(precision)
        assert not Agreement(0.0, float("nan"), 1.0).is_within(precision)


def test_limits_grow_with_the_rounding():
    exact, *rough = (LIMITS[name] for name in ("float32", "float16", "bfloat16", "int8"))
    for limits in rough:
        assert limits.relative_error > exact.relative_error
        assert limits.mean_iou < exact.mean_iou
        assert limits.worst_iou < exact.worst_iou
    assert dataclasses.astuple(exact) < dataclasses.astuple(rough[0])


def test_prompts_lie_in_the_image():
    for prompt in prompts_on((427, 640)):
        prompt.check_inside((427, 640))


def test_a_checkpoint_that_takes_boxes_alone_is_asked_boxes(photo):
    answers = ask(small("lite_medsam", 96), photo)
    assert len(answers.masks) == 2 * len(prompts_on((120, 160), by_click=False)) == 4
    assert compare_answers(answers, answers).worst_iou == 1
