"""The torch engine: chunks, pruning by predicted IoU, several images."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

import samara
from samara.engines import forms, torch_engine
from samara.engines.engine import InputPrompts
from samara.engines.torch_engine import TorchEngine
from tests.engines.conftest import small
from tests.engines.prompting import kinds_of, relative_error
from tests.engines.prompting import prompts as kind_prompts


@pytest.fixture(scope="module")
def engine(mini):
    return TorchEngine(mini.network, "cpu")


@pytest.fixture(scope="module")
def features(engine):
    torch.manual_seed(0)
    return engine.encode(torch.randn(2, 3, 128, 128))


def prompts(count, images=1):
    generator = torch.Generator().manual_seed(1)
    return InputPrompts(
        points=(torch.rand(count, 1, 2, generator=generator) * 128, torch.ones(count, 1, dtype=torch.int64)),
        boxes=None,
        masks=None,
        image_of_prompt=torch.arange(count) % images,
    )


def decode(engine, features, count, images=1, **more):
    return engine.decode(
        engine.prepare(features[:images]), prompts(count, images), **{"frame_size": 128, "multimask": True} | more
    )


def test_shapes(engine, features):
    assert features.shape == (2, 256, 8, 8)
    assert features.dtype == torch.float32
    decoded = decode(engine, features, 5)
    assert decoded.low_res_logits.shape == (15, 32, 32)
    assert decoded.prompt.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert not decoded.low_res_logits.requires_grad


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("images", [1, 2])
def test_chunks_do_not_change_the_result(monkeypatch, engine, features, chunk, images):
    expected = decode(engine, features, 7, images)
    monkeypatch.setitem(torch_engine.PROMPTS_AT_A_TIME, "cpu", chunk)
    decoded = decode(engine, features, 7, images)
    assert decoded.prompt.equal(expected.prompt)
    torch.testing.assert_close(decoded.low_res_logits, expected.low_res_logits, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(decoded.predicted_iou, expected.predicted_iou, atol=1e-4, rtol=1e-4)


def test_pruning_leaves_the_same_masks_as_filtering(engine, features):
    everything = decode(engine, features, 9)
    threshold = everything.predicted_iou.median().item()
    keep = everything.predicted_iou > threshold
    pruned = decode(engine, features, 9, min_predicted_iou=threshold)
    assert pruned.prompt.equal(everything.prompt[keep])
    torch.testing.assert_close(pruned.low_res_logits, everything.low_res_logits[keep], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("count", "more"), [(0, {}), (4, {"min_predicted_iou": 9.0})])
def test_nothing_is_a_result(engine, features, count, more):
    decoded = decode(engine, features, count, **more)
    assert decoded.low_res_logits.shape == (0, 32, 32)
    assert decoded.prompt.shape == decoded.predicted_iou.shape == (0,)


def test_results_are_float32_whatever_the_precision(mini, features):
    decoded = decode(TorchEngine(mini.network, "cpu", "bfloat16"), features, 2)
    assert decoded.low_res_logits.dtype == decoded.predicted_iou.dtype == torch.float32


def assert_same_masks_on(device, network, features, precision="float32"):
    """The network, moved to a device, answers as it does on the CPU in float32."""
    engine = TorchEngine(copy.deepcopy(network).to(device), device, precision)
    for count in (4, 40):
        given = prompts(count)
        asked = InputPrompts(
            points=tuple(part.to(device) for part in given.points),
            boxes=None,
            masks=None,
            image_of_prompt=given.image_of_prompt.to(device),
        )
        images = engine.prepare(features[:1])
        found = engine.decode(images, asked, frame_size=128, multimask=True)
        none = engine.decode(images, asked, frame_size=128, multimask=True, min_predicted_iou=1e9)
        nothing = engine.decode(images, asked[:0], frame_size=128, multimask=True)
        expected = decode(TorchEngine(network, "cpu"), features, count)
        assert found.low_res_logits.device.type == device
        assert found.prompt.cpu().equal(expected.prompt)
        agreement = ((found.low_res_logits.cpu() > 0) == (expected.low_res_logits > 0)).float().mean()
        assert agreement > (0.999 if precision == "float32" else 0.98)
        assert len(none.prompt) == len(nothing.prompt) == 0


def test_the_comparison_with_a_gpu_holds_for_the_processor_itself(mini, features):
    assert_same_masks_on("cpu", mini.network, features)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_gpu_gives_the_same_masks(mini, features, precision):
    assert_same_masks_on("cuda", mini.network, features, precision)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_everything_in_an_image_on_a_gpu(mini, dog, precision):
    """In 16 bits, which are the default there, attention over no prompts gave None."""
    loaded = dataclasses.replace(mini, network=copy.deepcopy(mini.network).cuda(), device="cuda", precision=precision)
    settings = samara.AutomaticSettings(points_per_side=8)
    found = samara.AutomaticMaskGenerator(loaded, settings).generate(dog)
    expected = samara.AutomaticMaskGenerator(mini, settings).generate(dog)
    assert abs(len(found) - len(expected)) <= (0 if precision == "float32" else 0.2 * len(expected))
    none = dataclasses.replace(settings, pred_iou_thresh=1e9)
    assert len(samara.AutomaticMaskGenerator(loaded, none).generate(dog)) == 0


def autocasts():
    return [None, *(torch.autocast("cpu", dtype=dtype) for dtype in (torch.bfloat16, torch.float16))]


@pytest.mark.parametrize("count", [2, 9])
def test_an_autocast_around_the_caller_changes_nothing(engine, features, count):
    expected = decode(engine, features, count)
    for autocast in autocasts()[1:]:
        with autocast:
            found = decode(engine, features, count)
            assert torch.equal(engine.encode(torch.ones(1, 3, 64, 64)), encoded(engine))
        assert torch.equal(found.low_res_logits, expected.low_res_logits)
        assert torch.equal(found.predicted_iou, expected.predicted_iou)


def encoded(engine):
    with torch.autocast("cpu", enabled=False):
        return engine.encode(torch.ones(1, 3, 64, 64))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ["vit_b", "hq_vit_t", "efficient_sam_ti"])
def test_a_network_in_another_type_answers_alike(dtype, name):
    loaded = small(name, 64)
    network = loaded.network
    exact = TorchEngine(network, "cpu")
    rough = TorchEngine(copy.deepcopy(network).to(dtype), "cpu")
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = exact.encode(images)
    features = rough.encode(images)
    assert features.dtype == torch.float32
    assert relative_error(features, expected) < (0.1 if dtype == torch.bfloat16 else 0.01)
    multimask = name == "efficient_sam_ti"  # its single mask is the best of three, which rounding may exchange
    for kind in kinds_of(loaded):
        found, wanted = (
            one.decode(one.prepare(expected), kind_prompts(kind, 64), frame_size=64, multimask=multimask)
            for one in (rough, exact)
        )
        assert found.low_res_logits.dtype == found.predicted_iou.dtype == torch.float32
        assert relative_error(found.low_res_logits, wanted.low_res_logits) < (0.1 if dtype == torch.bfloat16 else 0.02)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["vit_b", "vit_t", "repvit_sam", "efficientvit_sam_l0", "sam2.1_hiera_t"])
def test_as_on_a_gpu_an_encoder_gives_the_same(monkeypatch, name, precision):
    """Layers cast once, channels last."""
    loaded = small(name, 64)
    side = loaded.input_size
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    exact = TorchEngine(loaded.network, "cpu").encode(images)
    rounding = relative_error(TorchEngine(loaded.network, "cpu", precision).encode(images), exact)
    for module in (forms, torch_engine):
        monkeypatch.setattr(module, "DEVICES_WITH_FORMS", {"cpu"})
    seen = []
    engine = TorchEngine(loaded.network, "cpu", precision)
    engine.image_encoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    found = engine.encode(images)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert found.dtype == torch.float32
    assert relative_error(found, exact) <= max(1e-5, 1.5 * rounding)
