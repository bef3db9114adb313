"""One step: images that go through one after the other give the gradients of all of them together."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from samara.finetuning.examples import Example
from samara.finetuning.processes import Processes
from samara.finetuning.settings import FineTuneSettings, PromptSimulation
from samara.finetuning.step import add_gradients, add_gradients_of_images
from samara.finetuning.training_set import TrainingSet
from samara.images.settings import ImageReading
from tests.finetuning.conftest import draw

# Tight boxes and one round: the prompts hang on no randomness.
TIGHT = FineTuneSettings(
    trained="everything",
    simulation=PromptSimulation(rounds=0, rounds_without_points=0, point_probability=0, box_noise=0),
)


def gradients(network):
    found = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    return found


@pytest.fixture
def training(tiny, tmp_path):
    """Images with one object and with three, so that a mean of means would be wrong."""
    return TrainingSet(tiny, [Example(draw(1, tmp_path, objects=1), None), Example(draw(2, tmp_path, objects=3), None)])


def accumulated(network, training, settings):
    return add_gradients_of_images(
        network,
        training,
        [0, 1],
        lambda index: network.image_encoder(training.network_input(index)),
        settings,
        generator_of=torch.Generator().manual_seed,
        processes=Processes(),
    )


def test_one_after_the_other_is_all_together(tiny, training):
    network = tiny.network.requires_grad_(True)
    assert [training.objects_of(index) for index in (0, 1)] == [1, 3]
    loss = accumulated(network, training, TIGHT)
    found = gradients(network)
    images = torch.cat([training.network_input(index) for index in (0, 1)])
    batch = training.batch([0, 1], 8, torch.Generator().manual_seed(0))
    together = add_gradients(network, network.image_encoder(images), batch, TIGHT, torch.Generator().manual_seed(0))
    assert loss == pytest.approx(together, rel=1e-5)
    expected = gradients(network)
    assert found.keys() == expected.keys()
    assert any(name.startswith("image_encoder") and value.any() for name, value in found.items())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_bfloat16_is_near_float32(tiny, training):
    network = tiny.network.requires_grad_(True)
    exact = accumulated(network, training, TIGHT)
    exact_gradients = gradients(network)
    rounded = accumulated(network, training, dataclasses.replace(TIGHT, precision="bfloat16"))
    rounded_gradients = gradients(network)
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.03)
    flat = [torch.cat([one.flatten() for one in each.values()]) for each in (exact_gradients, rounded_gradients)]
    assert torch.nn.functional.cosine_similarity(*flat, dim=0) > 0.98
    assert {one.dtype for one in rounded_gradients.values()} == {torch.float32}


def test_embeddings_of_images_that_are_read_in_another_way_are_others(tiny, tmp_path):
    plain = draw(1, tmp_path, objects=1)
    sets = [
        TrainingSet(tiny, [Example(image, None)])
        for image in (
            plain,
            dataclasses.replace(plain, reading=ImageReading("auto")),
            dataclasses.replace(plain, reading=ImageReading(frame=0)),
        )
    ]
    assert len({one.digest for one in sets}) == 3
