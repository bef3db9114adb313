"""One step: images that go through one after the other give the gradients of all of them together."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
import torch

from samara.finetuning import step
from samara.finetuning.examples import Example
from samara.finetuning.processes import Processes
from samara.finetuning.settings import FineTuneSettings, PromptSimulation
from samara.finetuning.step import add_gradients, add_gradients_of_images
from samara.finetuning.training_set import Batch, TrainingSet
from samara.images.settings import ImageReading
from tests.engines.conftest import small
from tests.finetuning.conftest import draw, make_tiny
from tests.host_waits import host_waits

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
    loss = accumulated(network, training, TIGHT).item()
    found = gradients(network)
    images = torch.cat([training.network_input(index) for index in (0, 1)])
    batch = training.batch([0, 1], 8, torch.Generator().manual_seed(0))
    together = add_gradients(network, network.image_encoder(images), batch, TIGHT, torch.Generator().manual_seed(0))
    assert loss == pytest.approx(together.item(), rel=1e-5)
    expected = gradients(network)
    assert found.keys() == expected.keys()
    assert any(name.startswith("image_encoder") and value.any() for name, value in found.items())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_bfloat16_is_near_float32(tiny, training):
    network = tiny.network.requires_grad_(True)
    exact = accumulated(network, training, TIGHT).item()
    exact_gradients = gradients(network)
    rounded = accumulated(network, training, dataclasses.replace(TIGHT, precision="bfloat16")).item()
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


FAMILIES = {
    "sam": make_tiny,
    "hq": lambda: make_tiny(early_block=0),
    "sam2": lambda: small("sam2.1_hiera_t", 64),
}

ROUNDS = FineTuneSettings(
    trained="everything", simulation=PromptSimulation(rounds=2, rounds_without_points=1), objects_per_image=5
)


@pytest.mark.parametrize("settings", [TIGHT, ROUNDS], ids=["one round", "rounds"])
@pytest.mark.parametrize("name", ["sam", "hq", "sam2"])
def test_objects_that_fill_a_batch_change_no_gradient(name, settings, tmp_path):
    loaded = FAMILIES[name]()
    network = loaded.network.requires_grad_(True)
    images = TrainingSet(loaded, [Example(draw(2, tmp_path, objects=3), None)])
    found = []
    for size in (3, 5, 8):
        generator = torch.Generator().manual_seed(1)
        batch = images.batch([0], 8, generator).filled(size)
        assert (len(batch.targets), batch.objects) == (size, 3)
        features = network.image_encoder(images.network_input(0))
        loss = add_gradients(network, features, batch, settings, generator)
        found.append((loss.item(), gradients(network), torch.rand(1, generator=generator)))
    for loss, own, draw_after in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-5)
        assert draw_after == found[0][2]
        assert own.keys() == found[0][1].keys()
        for key, value in own.items():
            torch.testing.assert_close(value, found[0][1][key], rtol=1e-3, atol=1e-5, msg=key)


def test_a_batch_without_objects_or_with_enough_is_not_filled():
    def batch(count):
        masks = torch.ones(count, 8, 8, dtype=torch.bool)
        return Batch((0,), masks, masks, torch.zeros(count, dtype=torch.int64))

    for count in (0, 4, 6):
        same = batch(count)
        assert same.filled(4) is same
    once = batch(2).filled(4)
    assert once.filled(4) is not once
    assert (once.objects, len(once.filled(6).targets), once.filled(6).objects) == (2, 6, 2)


def test_on_a_gpu_every_image_has_the_same_number_of_objects(tiny, training, monkeypatch):
    sizes = []
    plain = step.add_gradients

    def seen(network, features, batch, *args, **more):
        sizes.append((len(batch.targets), batch.objects))
        return plain(network, features, batch, *args, **more)

    monkeypatch.setattr(step, "add_gradients", seen)
    network = tiny.network.requires_grad_(True)
    settings = dataclasses.replace(TIGHT, objects_per_image=4)
    expected = accumulated(network, training, settings).item()
    expected_gradients = gradients(network)
    assert sizes == [(1, 1), (3, 3)]
    monkeypatch.setattr(step, "has_fixed_sizes", lambda device: True)
    assert accumulated(network, training, settings).item() == pytest.approx(expected, rel=1e-5)
    assert sizes[2:] == [(4, 1), (4, 3)]
    for key, value in gradients(network).items():
        torch.testing.assert_close(value, expected_gradients[key], rtol=1e-3, atol=1e-5, msg=key)


@pytest.mark.parametrize("name", ["sam", "hq", "sam2"])
def test_the_host_waits_for_nothing_within_a_step(name, tmp_path, monkeypatch):
    """On a device that has shapes and no values: what is read of it would fail, and copies to it are seen."""
    loaded = FAMILIES[name]()
    images = TrainingSet(loaded, [Example(draw(2, tmp_path, objects=3), None)])
    generator = torch.Generator().manual_seed(1)
    network = loaded.network.requires_grad_(True)
    features = torch.zeros_like(network.image_encoder(images.network_input(0)), device="meta")
    on_device = network.to("meta")
    monkeypatch.setattr(step.torch, "autocast", lambda *args, **more: contextlib.nullcontext())
    with host_waits("meta") as waits:
        batch = images.batch([0], 8, generator).to("meta").filled(5)
        loss = add_gradients(on_device, features.requires_grad_(), batch, ROUNDS, generator)
        torch.nn.utils.clip_grad_norm_(on_device.parameters(), 1.0)
    assert loss.device.type == "meta"
    assert any(parameter.grad is not None for parameter in on_device.mask_decoder.parameters())
    assert waits == []


@pytest.mark.gpu
def test_a_step_on_a_gpu_gives_the_gradients_of_a_processor(tiny, training):
    network = tiny.network.requires_grad_(True)
    expected = accumulated(network, training, ROUNDS).item()
    expected_gradients = gradients(network)
    on_gpu = dataclasses.replace(tiny, network=network.cuda(), device="cuda")
    examples = TrainingSet(on_gpu, training.examples)
    features = [network.image_encoder(examples.network_input(index)) for index in (0, 1)]
    torch.cuda.set_sync_debug_mode("error")  # a wait raises
    try:
        loss = add_gradients_of_images(
            network,
            examples,
            [0, 1],
            features.__getitem__,
            ROUNDS,
            generator_of=torch.Generator().manual_seed,
            processes=Processes(),
        )
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert loss.item() == pytest.approx(expected, rel=1e-3)
    for key, value in gradients(network).items():
        torch.testing.assert_close(value.cpu(), expected_gradients[key], rtol=1e-2, atol=1e-4, msg=key)
