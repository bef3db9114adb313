"""What people make of a network counts everywhere: in every form of decoding, after every change of weights."""

from __future__ import annotations

import copy
import dataclasses
import functools

import pytest
import torch

import samara
from samara.engines import onnxruntime_engine, openvino_engine
from samara.engines.compiled_engine import CompiledTorchEngine
from samara.engines.exporting.export import export_checkpoint
from samara.engines.graphs import check_plain
from samara.engines.instance_engine import TorchInstanceEngine
from samara.engines.open import open_engine
from samara.engines.torch_engine import TorchEngine
from samara.errors import EmbeddingError, SettingsError
from tests.engines.conftest import small
from tests.engines.prompting import prompts
from tests.engines.test_graph_engine import both
from tests.networks.adaptations import ADAPTATIONS, Wrapped, quantised

SIZE = 64
made = functools.cache(functools.partial(small, input_size=SIZE))


def fresh(name="vit_t"):
    loaded = dataclasses.replace(made(name), network=copy.deepcopy(made(name).network))
    torch.manual_seed(1)  # of what adaptations add
    features = torch.randn(1, loaded.variant.embedding_channels, SIZE // 16, SIZE // 16)
    return loaded, features


def asked(kind):
    return prompts(kind, SIZE)[:7]  # enough to share an image


def by_calling(network, features, multimask=True):
    """As the official code does it: call prompt encoder and mask decoder."""
    with torch.inference_mode():
        sparse, dense = network.prompt_encoder(asked("many points").points, None, None)
        positions = network.prompt_encoder.get_dense_pe()
        logits, iou = network.mask_decoder(features, positions, sparse, dense, multimask)
    return logits.flatten(0, 1), iou.flatten()


def decode(engine, features, kind="many points", **more):
    return engine.decode(engine.prepare(features), asked(kind), **{"frame_size": SIZE, "multimask": True} | more)


def assert_as_called(engine, network, features, multimask=True):
    expected, iou = by_calling(network, features, multimask)
    found = decode(engine, features, multimask=multimask)
    torch.testing.assert_close(found.low_res_logits, expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found.predicted_iou, iou, rtol=1e-3, atol=1e-4)
    return found


@pytest.mark.parametrize(
    ("name", "adaptation"),
    [*(("vit_t", adaptation) for adaptation in ADAPTATIONS), ("hq_vit_t", "lora_of_peft"), ("hq_vit_t", "quantised"),
     ("hq_vit_t", "hook on the decoder"), ("hq_vit_t", "hook on the upscaling")],
)  # fmt: skip
def test_many_points_obey_it(name, adaptation):
    loaded, features = fresh(name)
    engine = TorchEngine(loaded.network, "cpu")
    before = decode(engine, features)
    ADAPTATIONS[adaptation](loaded.network.mask_decoder)
    found = assert_as_called(engine, loaded.network, features)
    changes = [
        (getattr(found, what) - getattr(before, what)).abs().max() for what in ("low_res_logits", "predicted_iou")
    ]
    assert max(changes) > 1e-3, "the adaptation changes something"
    limit = found.predicted_iou.median().item()
    some = decode(engine, features, min_predicted_iou=limit)
    assert some.low_res_logits.shape[0] == int((found.predicted_iou > limit).sum())


def test_an_adapted_prompt_encoder_counts():
    loaded, features = fresh()
    loaded.network.prompt_encoder.register_forward_hook(lambda m, a, out: (out[0] * 1.2, out[1] + 0.1))
    assert_as_called(TorchEngine(loaded.network, "cpu"), loaded.network, features)


@pytest.mark.parametrize("name", ["vit_t", "hq_vit_t"])
def test_something_else_in_the_place_of_the_parts(name):
    class Official(torch.nn.Module):
        """Knows the official arguments only."""

        def __init__(self, inner):
            super().__init__()
            self.inner, self.get_dense_pe = inner, inner.get_dense_pe

        def forward(self, points, boxes, masks):
            return self.inner(points, boxes, masks)

    loaded, features = fresh(name)
    network = loaded.network
    network.mask_decoder = torch.nn.DataParallel(Wrapped(network.mask_decoder))
    network.prompt_encoder = Official(network.prompt_encoder)
    assert_as_called(TorchEngine(network, "cpu"), network, features, multimask=False)


def test_an_adapted_encoder_counts_in_every_torch_engine(monkeypatch):
    loaded, _ = fresh()
    images = torch.randn(1, 3, SIZE, SIZE)
    monkeypatch.setattr(torch, "compile", lambda encoder, *, dynamic: lambda images: pytest.fail("sees no hooks"))
    engines = TorchEngine(loaded.network, "cpu"), CompiledTorchEngine(loaded.network, "cpu")
    loaded.network.image_encoder.neck.register_forward_hook(lambda module, arguments, output: output + 1)
    with torch.inference_mode():
        expected = loaded.network.image_encoder(images)
    for engine in engines:
        torch.testing.assert_close(engine.encode(images), expected)


def test_everything_in_an_image_obeys_hooks(dog):
    loaded, _ = fresh()
    settings = samara.AutomaticSettings(points_per_side=4, pred_iou_thresh=0, stability_score_thresh=0)
    generator = samara.AutomaticMaskGenerator(loaded, settings)
    assert len(generator.generate(dog)) > 0
    loaded.network.mask_decoder.output_upscaling.register_forward_hook(lambda module, arguments, output: output * 0)
    assert len(generator.generate(dog)) == 0, "no logit is above 0 any more"


CHANGES = {
    "in place": lambda decoder: [parameter.mul_(1.1) for parameter in decoder.parameters()],
    "behind autograd's back": lambda decoder: [parameter.data.mul_(1.1) for parameter in decoder.parameters()],
    "loading": lambda decoder: decoder.load_state_dict({k: v * 1.1 for k, v in decoder.state_dict().items()}),
    "assigning": lambda decoder: decoder.load_state_dict(
        {k: v * 1.1 for k, v in decoder.state_dict().items()}, assign=True
    ),
    "an optimiser": lambda decoder: _step(decoder),
}


def _step(decoder):
    optimiser = torch.optim.SGD(decoder.parameters(), lr=0.1)
    for parameter in decoder.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", ["vit_t", "hq_vit_t"])
def test_what_was_made_of_old_weights_is_not_used(change, name):
    loaded, features = fresh(name)
    engine = TorchEngine(loaded.network, "cpu")
    images = engine.prepare(features)
    settings = {"frame_size": SIZE, "multimask": True}
    for kind in ("many points", "point"):
        old = engine.decode(images, asked(kind), **settings).low_res_logits
        with torch.no_grad():
            change(loaded.network.mask_decoder)
        found = engine.decode(images, asked(kind), **settings).low_res_logits
        expected = decode(TorchEngine(loaded.network, "cpu"), features, kind).low_res_logits
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
        assert not torch.allclose(found, old, atol=1e-3)


def test_an_embedding_of_old_weights_is_refused(dog):
    loaded, _ = fresh()
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(dog)
    with torch.no_grad():
        loaded.network.image_encoder.neck[0].weight.mul_(2)
    with pytest.raises(EmbeddingError, match="embed the image again"):
        predictor.predict(embedding, points=[[5, 5]])


def test_an_embedding_is_told_from_that_of_an_adapted_encoder(dog):
    loaded, _ = fresh()
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(dog)
    handle = loaded.network.image_encoder.neck.register_forward_hook(lambda module, arguments, output: output + 1)
    assert "-adapted" in loaded.fingerprint
    with pytest.raises(EmbeddingError, match="embed the image again"):
        predictor.predict(embedding, points=[[5, 5]])
    assert len(predictor.predict(predictor.embed(dog), points=[[5, 5]])) == 3
    handle.remove()
    assert len(predictor.predict(embedding, points=[[5, 5]])) == 3


def test_a_network_quantised_whole_is_embedded_and_asked(dog):
    loaded, _ = fresh()
    before = loaded.fingerprint
    quantised(loaded.network)
    assert loaded.fingerprint != before
    predictor = samara.Predictor(loaded)
    assert len(predictor.predict(predictor.embed(dog), boxes=[[5, 5, 60, 70]])) == 3


def test_graphs_of_old_weights_are_refused():
    loaded, features = fresh("hq_vit_t")
    engine, _ = both(loaded)
    engine.encode(torch.zeros(1, 3, SIZE, SIZE))
    with torch.no_grad():
        loaded.network.image_encoder.neck[0].weight.mul_(2)
        with pytest.raises(
            SettingsError, match="weights of the image encoder changed .* create a new samara.Predictor"
        ):
            engine.encode(torch.zeros(1, 3, SIZE, SIZE))
        decode(engine, features, "box")
        loaded.network.mask_decoder.hf_token.weight.mul_(2)
        with pytest.raises(SettingsError, match="weights of the mask decoder changed"):
            decode(engine, features, "box")


def test_graphs_never_leave_an_adaptation_out(tmp_path, monkeypatch):
    """Not from the cache either, whose entries are called by the weights: hooks do not change these."""
    loaded, features = fresh()
    engine, _ = both(loaded)
    monkeypatch.setattr(openvino_engine, "cached", None)
    monkeypatch.setattr(onnxruntime_engine, "cached", None)
    loaded.network.mask_decoder.transformer.register_forward_hook(lambda *_: None)
    message = r"mask decoder of random was adapted \(transformer has hooks\).*merge the adaptation.*engine torch"
    for name in ("openvino", "onnxruntime"):
        with pytest.raises(SettingsError, match=message):
            open_engine(dataclasses.replace(loaded, engine=name))
    for form in ("onnx", "openvino"):
        with pytest.raises(SettingsError, match=message):
            export_checkpoint(loaded, form, tmp_path / "one")
    with pytest.raises(SettingsError, match="was adapted"):
        decode(engine, features, "box")
    assert not (tmp_path / "one").exists()


def test_graphs_are_made_of_float32():
    loaded, _ = fresh()
    with pytest.raises(SettingsError, match="are float16; graphs are made from float32, so call .float()"):
        check_plain(loaded.network.half(), "it")


def detector():
    network = samara.load("yolo11n-seg", weights="random", device="cpu", precision="float32").network
    return network, TorchInstanceEngine(network, "cpu"), torch.rand(1, 3, 64, 96)


DETECTOR_ADAPTATIONS = {
    "hook on a convolution": lambda network: network.model["0"].conv.register_forward_hook(lambda m, a, o: o * 1.3),
    "hook on a norm": lambda network: network.model["0"].bn.register_forward_hook(lambda m, a, o: o * 1.3),
    "replaced stage": lambda network: network.model.__setitem__("6", Wrapped(network.model["6"])),
    "hook on the distances": lambda network: network.model["23"].dfl.conv.register_forward_hook(
        lambda m, a, o: o + 1
    ),
    "weights": lambda network: network.model["0"].conv.weight.data.mul_(1.3),
    "statistics": lambda network: network.model["0"].bn.running_mean.add_(0.5),
}  # fmt: skip


@pytest.mark.parametrize("adapt", DETECTOR_ADAPTATIONS.values(), ids=DETECTOR_ADAPTATIONS)
def test_detectors_obey_it_too(adapt):
    network, engine, images = detector()
    before = engine.find(images)
    adapt(network)
    with torch.inference_mode():
        expected = network(images.to(next(network.parameters()).dtype))
    found = engine.find(images)
    for one, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(one, wanted.float(), rtol=1e-3, atol=1e-3)
    assert not all(map(torch.equal, found, before))
