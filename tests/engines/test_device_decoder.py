"""Decoding as on a GPU, on a processor: the same masks, few shapes, recorded work, and few waits for the device."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

from samara.engines import device_decoder, forms, torch_engine
from samara.engines.decoding import ReadyImages
from samara.engines.device_decoder import DeviceDecoder
from samara.engines.engine import InputPrompts
from samara.engines.torch_engine import TorchEngine
from samara.networks import shared_attention, shared_image
from tests.engines.conftest import small
from tests.engines.prompting import kinds_of
from tests.engines.prompting import prompts as kind_prompts
from tests.engines.recorded import FakeRecorder
from tests.host_waits import host_waits

NAMES = ["vit_t", "hq_vit_t", "sam2.1_hiera_t", "sam2.1_hq_hiera_l", "efficient_sam_ti", "edge_sam"]


@pytest.fixture
def recorder(monkeypatch):
    """Let the processor be a GPU, whose work is recorded."""
    recorder = FakeRecorder()
    for module in (forms, torch_engine):
        monkeypatch.setattr(module, "DEVICES_WITH_FORMS", {"cpu"})
    for module in (shared_attention, shared_image):
        monkeypatch.setattr(module, "takes_all_at_once", lambda device: True)
    monkeypatch.setitem(torch_engine.MIN_THAT_SHARE, "cpu", torch_engine.MIN_THAT_SHARE["cuda"])
    monkeypatch.setattr(torch_engine, "recorder_for", lambda device: recorder)
    return recorder


@pytest.fixture(scope="module", params=NAMES)
def loaded(request):
    return small(request.param, 64)


@pytest.fixture(scope="module")
def features(loaded):
    images = torch.randn(2, 3, loaded.input_size, loaded.input_size, generator=torch.Generator().manual_seed(0))
    return TorchEngine(loaded.network, "cpu").encode(images)


def clicks(count, images=1, frame=64):
    generator = torch.Generator().manual_seed(count)
    return InputPrompts(
        points=(torch.rand(count, 1, 2, generator=generator) * frame, torch.ones(count, 1, dtype=torch.int64)),
        boxes=None,
        masks=None,
        image_of_prompt=torch.arange(count) % images,
    )


def decode(engine, features, prompts, **more):
    images = int(prompts.image_of_prompt.max()) + 1
    return engine.decode(engine.prepare(features[:images]), prompts, **{"frame_size": 64, "multimask": True} | more)


@pytest.fixture(scope="module")
def expected(loaded, features):
    """What a processor answers, before anything is changed."""
    engine = TorchEngine(loaded.network, "cpu")
    answers = {}
    for count, images, multimask in ((1, 1, True), (1, 1, False), (5, 2, True), (12, 1, True), (20, 2, False)):
        every = decode(engine, features, clicks(count, images), multimask=multimask)
        ordered = every.predicted_iou.sort().values
        threshold = ((ordered[(len(ordered) - 1) // 2] + ordered[-1]) / 2).item()
        good = every[(every.predicted_iou > threshold).nonzero()[:, 0]]
        answers[count, images, multimask] = threshold, every, good
    return answers


def assert_alike(found, wanted):
    assert found.prompt.equal(wanted.prompt)
    scale = wanted.low_res_logits.abs().max() if len(wanted.prompt) else 1
    torch.testing.assert_close(found.low_res_logits / scale, wanted.low_res_logits / scale, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.predicted_iou, wanted.predicted_iou, atol=1e-4, rtol=1e-3)
    assert found.low_res_logits.dtype == found.predicted_iou.dtype == torch.float32


def test_the_masks_are_those_of_a_processor(loaded, features, expected, recorder):
    engine = TorchEngine(loaded.network, "cpu")
    for (count, images, multimask), (threshold, every, good) in expected.items():
        prompts = clicks(count, images)
        for _ in range(2):  # as it is, and recorded
            assert_alike(decode(engine, features, prompts, multimask=multimask), every)
        assert_alike(decode(engine, features, prompts, multimask=multimask, min_predicted_iou=threshold), good)
        assert not len(decode(engine, features, prompts, multimask=multimask, min_predicted_iou=1e9).prompt)
    assert recorder.recorded
    assert recorder.replays > recorder.recorded


def test_every_kind_of_prompt(loaded, features, recorder, monkeypatch):
    for kind in kinds_of(loaded):
        prompts = kind_prompts(kind, 64)
        with monkeypatch.context() as plain:
            for module in (forms, torch_engine):
                plain.setattr(module, "DEVICES_WITH_FORMS", set())
            wanted = decode(TorchEngine(loaded.network, "cpu"), features, prompts)
        engine = TorchEngine(loaded.network, "cpu")
        for _ in range(2):
            assert_alike(decode(engine, features, prompts), wanted)


@pytest.fixture(scope="module")
def sam():
    return small("vit_t", 64)


@pytest.fixture
def engine(sam, recorder):
    return TorchEngine(copy.deepcopy(sam.network), "cpu")


@pytest.fixture(scope="module")
def embeddings(sam):
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    return TorchEngine(sam.network, "cpu").encode(images)


def test_results_are_kept_when_recorded_work_runs_again(engine, embeddings, recorder):
    first = [decode(engine, embeddings[:1], clicks(1)) for _ in range(3)][-1]
    kept = first.low_res_logits.clone()
    assert recorder.replays
    other = decode(engine, embeddings[1:2], clicks(1))
    assert first.low_res_logits.equal(kept)
    assert not other.low_res_logits.equal(kept)


def test_a_change_of_weights_is_seen(engine, embeddings, sam):
    before = [decode(engine, embeddings, clicks(1)) for _ in range(3)][-1]
    with torch.no_grad():
        engine.network.prompt_encoder.point_embeddings[1].weight.add_(1)
        engine.network.mask_decoder.mask_tokens.weight.mul_(2)
    after = [decode(engine, embeddings, clicks(1)) for _ in range(3)]
    assert not after[0].low_res_logits.equal(before.low_res_logits)
    assert after[0].low_res_logits.equal(after[2].low_res_logits)
    for count in (1, 20):
        fresh = decode(TorchEngine(engine.network, "cpu"), embeddings, clicks(count))
        assert_alike(decode(engine, embeddings, clicks(count)), fresh)


def test_adapted_layers_are_called_each_time_and_never_recorded(engine, embeddings, recorder):
    calls = []
    engine.network.mask_decoder.transformer.layers[0].mlp.register_forward_hook(lambda *args: calls.append(1))
    for times in range(1, 5):
        decode(engine, embeddings, clicks(1))
        assert len(calls) == times
    assert not recorder.recorded


def test_batches_have_fixed_sizes(engine, embeddings, monkeypatch):
    seen = []
    decoder = engine.decoding.decoder
    for name in ("look", "look_shared", "draw"):
        plain = getattr(type(decoder), name)

        def spy(self, *args, plain=plain, name=name, **more):
            found = plain(self, *args, **more)
            seen.append((name, len(found) if name == "draw" else len(found.predicted_iou)))
            return found

        monkeypatch.setattr(type(decoder), name, spy)
    for count in (1, 2, 7, 9, 30, 64, 100):
        decode(engine, embeddings[:1], clicks(count), min_predicted_iou=-1e9)
    assert {size for _, size in seen} <= {1, 8, 64}
    assert len({one for one in seen if one[0] != "draw"}) <= 3


@pytest.mark.parametrize("count", [1, 8, 20, 100])
def test_without_a_threshold_nothing_waits(engine, embeddings, count):
    prompts, images = clicks(count), engine.prepare(embeddings[:1])
    for _ in range(3):
        with host_waits() as waits:
            engine.decode(images, prompts, frame_size=64, multimask=True)
        assert not waits


@pytest.mark.parametrize("count", [1, 20, 64, 100])
def test_with_a_threshold_each_batch_waits_twice(engine, embeddings, count):
    prompts, images = clicks(count), engine.prepare(embeddings[:1])
    with host_waits() as waits:
        engine.decode(images, prompts, frame_size=64, multimask=True, min_predicted_iou=-1e9)
    assert waits == ["aten.nonzero.default"] * 2 * -(-count // 64)


def test_prompts_on_several_images_wait_once_to_be_sorted(engine, embeddings):
    prompts, images = clicks(60, 3), engine.prepare(embeddings)
    engine.decode(images, prompts, frame_size=64, multimask=True)
    with host_waits() as waits:
        engine.decode(images, prompts, frame_size=64, multimask=True)
    assert waits == ["tolist"]


def test_nothing_is_copied_from_the_host(sam, recorder, monkeypatch):
    """A recording could not contain it, and the host would wait: on a device that stands for a GPU it is seen."""
    for module in (forms, torch_engine):
        monkeypatch.setattr(module, "DEVICES_WITH_FORMS", {"meta"})
    monkeypatch.setattr(torch_engine, "recorder_for", lambda device: None)
    monkeypatch.setitem(torch_engine.MIN_THAT_SHARE, "meta", 9)
    monkeypatch.setattr("samara.system.devices.torch.autocast", lambda *args, **more: torch.no_grad())
    engine = TorchEngine(copy.deepcopy(sam.network).to("meta"), "meta")
    images = engine.prepare(torch.zeros(1, 256, 4, 4, device="meta"))
    for count in (1, 20):
        given = clicks(count)
        prompts = InputPrompts(
            points=tuple(one.to("meta") for one in given.points),
            boxes=torch.zeros(count, 4, device="meta"),
            masks=None,
            image_of_prompt=given.image_of_prompt.to("meta"),
        )
        with host_waits() as waits:
            engine.decode(images, prompts, frame_size=64, multimask=True)
        assert not waits


def test_memory_is_asked_for_only_if_it_can_matter(engine, monkeypatch):
    asked = []
    monkeypatch.setattr(device_decoder, "free_memory", lambda device: (asked.append(device), 500_000_000)[1])
    images = ReadyImages(torch.zeros(1, 256, 64, 64), None, None)
    decoding = engine.decoding
    assert DeviceDecoder(decoding, None).largest_batch(images, 100) == 64
    gpu = dataclasses.replace(decoding, device=torch.device("cuda"))
    assert DeviceDecoder(gpu, None).largest_batch(images, 1) == 64
    assert not asked
    assert DeviceDecoder(gpu, None).largest_batch(images, 100) == 8


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_gives_the_same_masks(name, precision):
    loaded = small(name, 64)
    images = torch.randn(2, 3, loaded.input_size, loaded.input_size, generator=torch.Generator().manual_seed(0))
    reference = TorchEngine(loaded.network, "cpu")
    features = reference.encode(images)
    engine = TorchEngine(copy.deepcopy(loaded.network).cuda(), "cuda", precision)
    for count, images_asked in ((1, 1), (5, 2), (30, 1), (70, 2)):
        prompts = clicks(count, images_asked)
        wanted = decode(reference, features, prompts)
        on_gpu = InputPrompts(tuple(one.cuda() for one in prompts.points), None, None, prompts.image_of_prompt.cuda())
        for _ in range(3):  # as it is, recorded, replayed
            found = decode(engine, features, on_gpu)
            assert found.prompt.cpu().equal(wanted.prompt)
            error = (found.low_res_logits.cpu() - wanted.low_res_logits).norm() / wanted.low_res_logits.norm()
            assert error.item() < (1e-3 if precision == "float32" else 0.1)
