"""Work of size zero never reaches a network: one that refuses it, driven through everything that samara does."""

from __future__ import annotations

import copy
import dataclasses
import functools

import numpy as np
import pytest
import torch

import samara
from samara.annotation.inputs.decoded import DecodedImage
from samara.annotation.run.annotator import make_annotator
from samara.annotation.run.settings import AnnotationSettings
from samara.engines.compiled_engine import CompiledTorchEngine
from samara.engines.engine import DecodedMasks, concatenate_decoded, nothing_decoded
from samara.engines.instance_engine import TorchInstanceEngine
from samara.engines.torch_engine import TorchEngine
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.step import add_gradients
from samara.finetuning.training_set import Batch
from samara.finetuning.validation import Sample, validate
from samara.images.preprocessing import Frame
from samara.measurement.evaluation.adapters import model_under_test
from samara.measurement.evaluation.clicks import click_through
from samara.networks.plain import is_plain
from samara.segmentation.instances.selection import choose
from samara.segmentation.prompts import Prompt
from tests.engines.conftest import small
from tests.engines.prompting import prompts
from tests.engines.test_graph_engine import both

SIZE = 64
made = functools.cache(functools.partial(small, input_size=SIZE))


def refuse_nothing(module, arguments, named=None):
    for one in (*arguments, *(named or {}).values()):
        if isinstance(one, torch.Tensor) and one.ndim and not len(one):
            raise AssertionError(f"{type(module).__name__} was asked for nothing")


def refusing(network):
    """A copy whose every layer refuses empty batches, in the forms that call every layer."""
    network = copy.deepcopy(network)
    for module in network.modules():
        module.register_forward_pre_hook(refuse_nothing, with_kwargs=True)
    return network


def refusing_halves(network):
    """A copy that stays plain, so that the quick form serves it, and whose halves refuse empty batches."""
    network = copy.deepcopy(network)

    class Refusing(type(network.mask_decoder)):
        def look(self, *arguments, **named):
            refuse_nothing(self, arguments, named)
            return super().look(*arguments, **named)

        def look_shared(self, shared, sparse):
            refuse_nothing(self, (sparse,))
            return super().look_shared(shared, sparse)

        def draw(self, look, masks):
            refuse_nothing(self, (look.mask_tokens,))
            return super().draw(look, masks)

    decoder = network.mask_decoder
    decoder.__class__ = Refusing
    decoder.made_of[""] = dataclasses.replace(decoder.made_of[""], kind=Refusing)
    assert is_plain(decoder)
    return network


FORMS = {"every layer": refusing, "halves": refusing_halves}
NAMES = ("vit_t", "hq_vit_t")


@pytest.fixture(scope="module", params=[(form, name) for form in FORMS for name in NAMES], ids=" of ".join)
def loaded(request):
    form, name = request.param
    return dataclasses.replace(made(name), network=FORMS[form](made(name).network))


def refusing_graphs(name):
    """Graphs as OpenVINO and ONNX Runtime run them; of a mask alone the tokens may be none, which is no empty batch."""
    engine, _ = both(made(name))

    def run(graph, *arrays):
        assert all(len(array) for array in arrays), "a graph was asked for nothing"
        return graph(*arrays)

    engine.graphs = {part: functools.partial(run, graph) for part, graph in engine.graphs.items()}
    return engine


@pytest.fixture(params=["torch", "torch-compile", "bfloat16", "graphs"])
def engine(request, loaded, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda encoder, **_: encoder)
    if request.param == "graphs":
        return refusing_graphs("hq_vit_t" if loaded.variant.early_channels else "vit_t")
    if request.param == "torch-compile":
        return CompiledTorchEngine(loaded.network, "cpu")
    return TorchEngine(loaded.network, "cpu", "bfloat16" if request.param == "bfloat16" else "float32")


def test_an_engine_answers_nothing_with_nothing(engine):
    features = engine.encode(torch.zeros(0, 3, SIZE, SIZE))
    some = engine.encode(torch.zeros(1, 3, SIZE, SIZE))
    assert features.shape == (0, *some.shape[1:])
    assert features.dtype == torch.float32
    for kind in ("point", "box", "many points", "box and mask"):
        for images in (features, some):
            none = engine.decode(engine.prepare(images), prompts(kind, SIZE)[:0], frame_size=SIZE, multimask=True)
            assert none.low_res_logits.shape == (0, SIZE // 4, SIZE // 4)
            assert none.prompt.shape == none.predicted_iou.shape == (0,)
        asked = prompts(kind, SIZE)
        limit = {"frame_size": SIZE, "multimask": False, "min_predicted_iou": 1e9}
        assert len(engine.decode(engine.prepare(some), asked, **limit).prompt) == 0, "no survivor"


@pytest.mark.parametrize("thresh", [0.0, 1e9])
def test_everything_in_an_image(loaded, thresh):
    image = np.random.default_rng(0).integers(0, 255, (50, 60, 3), dtype=np.uint8)
    none = np.zeros((0, 2))
    some = np.array([[0.5, 0.5]])
    for grids in ((none,), (some, none), (none, some), (none, none)):
        settings = samara.AutomaticSettings(
            point_grids=grids, crop_n_layers=len(grids) - 1, pred_iou_thresh=thresh, min_mask_region_area=5
        )
        masks = samara.AutomaticMaskGenerator(loaded, settings).generate(image)
        assert not len(masks) or thresh == 0.0
        assert masks.masks().shape[1:] == (50, 60)


def test_a_generator_asks_no_engine_for_nothing(loaded, dog):
    generator = samara.AutomaticMaskGenerator(loaded, samara.AutomaticSettings(point_grids=(np.zeros((0, 2)),)))
    real = generator.predictor.engine
    generator.predictor.engine = type(
        "Engine", (), {"encode": real.encode, "prepare": real.prepare, "decode": lambda *_, **__: pytest.fail("asked")}
    )()
    assert len(generator.generate(dog)) == 0


def test_prompts_of_several_images(loaded, dog):
    predictor = samara.Predictor(loaded)
    assert predictor.embed([]) == []
    embedding = predictor.embed(dog)
    assert len(predictor.predict_prompts(embedding, [])) == 0
    assert predictor.predict_batch([], []) == []
    some = [Prompt([[5, 5]]), Prompt(box=[1, 2, 30, 40])]
    none, two, nothing = predictor.predict_batch([embedding] * 3, [[], some, []], multimask=False)
    assert (len(none), len(two), len(nothing)) == (0, 2, 0)
    segmenter = samara.open_segmenter(loaded)
    assert len(segmenter.predict_prompts(dog, [])) == 0


def test_annotation_evaluation_and_validation(loaded):
    pixels = np.random.default_rng(0).integers(0, 255, (50, 60, 3), dtype=np.uint8)
    image = DecodedImage(pixels, 0, None)
    automatic = samara.AutomaticSettings(points_per_side=1, pred_iou_thresh=1e9)
    everything = AnnotationSettings(automatic=automatic, tile=32, tile_overlap=8)
    asked = dataclasses.replace(everything, asking="prompts")
    assert len(make_annotator(loaded, everything).annotate(image)) == 0
    assert len(make_annotator(loaded, asked).annotate(image, [])) == 0
    model = model_under_test(loaded, points_per_side=1)
    seen = model.embed(pixels)
    assert model.answer(seen, []) == []
    assert click_through(model, seen, []) == []
    features = torch.zeros(loaded.variant.embedding_channels, 4, 4)
    nothing = torch.zeros(0, 16, 16, dtype=torch.bool)
    assert validate(loaded.network, [Sample(features, nothing, torch.ones(16, 16, dtype=torch.bool))]).objects == 0
    assert validate(loaded.network, []).objects == 0
    batch = Batch((), nothing, nothing, torch.zeros(0, dtype=torch.int64))
    generator = torch.Generator()
    assert add_gradients(loaded.network, features[None], batch, FineTuneSettings(), generator) == 0.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("multimask", [True, False])
def test_the_networks_themselves(name, multimask):
    """As the drop-in calls them: nothing goes beyond their own `forward`."""
    network = refusing(made(name).network)
    for part in (network.prompt_encoder, network.mask_decoder):
        part._forward_pre_hooks.clear()
        part._forward_pre_hooks_with_kwargs.clear()
    sparse, dense = network.prompt_encoder(boxes=torch.zeros(0, 4), masks=torch.zeros(0, 1, 16, 16))
    assert (sparse.shape, dense.shape) == ((0, 2, 256), (0, 256, 4, 4))
    features = torch.zeros(1, made(name).variant.embedding_channels, 4, 4)
    positions = network.prompt_encoder.get_dense_pe()
    logits, iou = network.mask_decoder(features, positions, sparse, dense, multimask)
    masks = 3 if multimask and name == "vit_t" else 1
    assert (logits.shape, iou.shape) == ((0, masks, 16, 16), (0, masks))


def test_detectors():
    loaded = samara.load("yolo11n-seg", weights="random", device="cpu", precision="float32")
    engine = TorchInstanceEngine(refusing(loaded.network), "cpu")
    none, some = engine.find(torch.zeros(0, 3, 64, 96)), engine.find(torch.zeros(1, 3, 64, 96))
    for one, other in zip(none, some, strict=True):
        assert (one.shape, one.dtype) == ((0, *other.shape[1:]), torch.float32)
    nothing = samara.InstanceSegmenter(loaded, samara.InstanceSettings(confidence_thresh=1.0))
    found = nothing.generate(np.zeros((40, 60, 3), np.uint8))
    assert len(found) == len(choose(found, [])) == 0


def test_resizers():
    assert Frame((50, 60), 64).to_original(torch.zeros(0, 16, 16)).shape == (0, 50, 60)


def test_parts_without_masks_leave_no_trace():
    embeddings = torch.zeros(1, 256, 4, 4)
    nothing = nothing_decoded(embeddings)
    one = dataclasses.replace(
        nothing, prompt=torch.tensor([3]), low_res_logits=torch.ones(1, 16, 16), predicted_iou=torch.ones(1)
    )
    assert concatenate_decoded([nothing, one, nothing], embeddings) is one
    assert len(concatenate_decoded([], embeddings).prompt) == 0


def test_the_best_of_each_prompt_is_the_first_of_equal_ones():
    iou = torch.tensor([0.5, 0.9, 0.2, 0.7, 0.7, 0.1])
    decoded = DecodedMasks(torch.tensor([0, 0, 2, 5, 5, 5]), torch.arange(6.0).view(6, 1, 1).expand(6, 4, 4), iou)
    best = decoded.best_of_each()
    assert best.prompt.tolist() == [0, 2, 5]
    assert best.low_res_logits[:, 0, 0].tolist() == [1, 2, 3]
    assert best.predicted_iou.equal(iou[[1, 2, 3]])
    assert not len(nothing_decoded(torch.zeros(1, 256, 4, 4)).best_of_each().prompt)
