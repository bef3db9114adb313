"""A checkpoint that ranks by stability does so wherever masks are ranked, filtered or reported."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import samara
from samara.engines.graph_engine import GraphEngine
from samara.engines.graphs import decoder_graphs_of, encoder_graph_of
from samara.engines.torch_engine import TorchEngine
from samara.finetuning.validation import Sample, validate
from samara.masks.stability import stability_score
from samara.networks.prompted_decoder_graph import PromptedDecoderGraph
from samara.segment_anything import SamAutomaticMaskGenerator, SamPredictor
from samara.segment_anything.modeling import Sam
from tests.engines.conftest import small
from tests.engines.prompting import KINDS, prompts

SIZE = 64
UNFILTERED = {"points_per_side": 3, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "box_nms_thresh": 1.0}
EVERYTHING = samara.AutomaticSettings(**UNFILTERED)


@pytest.fixture(scope="module")
def loaded():
    """Logits of a trained network's range, whose masks have stabilities from 0 to 1, and estimates far above 1."""
    loaded = small("edge_sam", SIZE)
    decoder = loaded.sam.mask_decoder
    with torch.no_grad():
        for mlp in decoder.output_hypernetworks_mlps:
            mlp.layers[2].weight *= 30
        decoder.iou_prediction_head.layers[2].bias += torch.tensor([7.0, 6.0, 5.0, 4.0])
    return loaded


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def features(loaded):
    return TorchEngine(loaded.network, "cpu").encode(
        torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    )


def by_graphs(loaded):
    def run(graph):
        def call(*arrays):
            with torch.inference_mode():
                outputs = graph.module(*map(torch.from_numpy, arrays))
            return [tensor.numpy() for tensor in ((outputs,) if isinstance(outputs, torch.Tensor) else outputs)]

        return call

    graphs = (encoder_graph_of(loaded), *decoder_graphs_of(loaded))
    return GraphEngine(loaded, {graph.name: run(graph) for graph in graphs}, "float32")


def by_hooked(loaded):
    """An engine that has to call the decoder as a whole."""
    network = small("edge_sam", SIZE).sam
    network.load_state_dict(loaded.sam.state_dict())
    network.mask_decoder.register_forward_hook(lambda module, inputs, outputs: outputs)
    return TorchEngine(network, "cpu")


ENGINES = {"torch": lambda loaded: TorchEngine(loaded.network, "cpu"), "graphs": by_graphs, "whole": by_hooked}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("multimask", [True, False])
def test_engines_give_and_filter_by_stability(loaded, features, engine, kind, multimask):
    engine, asked = ENGINES[engine](loaded), prompts(kind, SIZE)

    def decoded(threshold):
        return engine.decode(
            engine.prepare(features), asked, frame_size=SIZE, multimask=multimask, min_predicted_iou=threshold
        )

    everything = decoded(None)
    assert len(everything.prompt) == len(asked) * (3 if multimask else 1)
    scores = stability_score(everything.low_res_logits, 0.0, 1.0)
    torch.testing.assert_close(everything.predicted_iou, scores)
    assert len(scores.unique()) > 1
    threshold = scores.sort().values[len(scores) // 2].item()
    kept = decoded(threshold)
    assert kept.predicted_iou.equal(scores[scores > threshold])
    torch.testing.assert_close(kept.low_res_logits, everything.low_res_logits[scores > threshold])


def test_the_predictor_and_everything_report_stability(loaded, image):
    predictor = samara.Predictor(loaded)
    masks = predictor.predict(predictor.embed(image), points=[[20, 20]])
    expected = stability_score(torch.from_numpy(masks.low_res_logits), 0.0, 1.0).numpy()
    np.testing.assert_allclose(masks.predicted_iou, expected, rtol=1e-6)
    found = samara.AutomaticMaskGenerator(loaded, EVERYTHING).generate(image)
    assert len(found)
    assert ((found.predicted_iou >= 0) & (found.predicted_iou <= 1)).all()
    threshold = float(np.median(found.predicted_iou))
    settings = dataclasses.replace(EVERYTHING, pred_iou_thresh=threshold)
    fewer = samara.AutomaticMaskGenerator(loaded, settings).generate(image)
    assert 0 < len(fewer) < len(found)
    assert fewer.predicted_iou.min() > threshold


def test_its_own_threshold_is_of_stability(loaded):
    own = samara.AutomaticSettings().for_checkpoint(loaded)
    assert (own.pred_iou_thresh, own.stability_score_thresh) == (0.88, 0.95)


def test_the_drop_in_ranks_alike(loaded, image):
    sam = Sam.from_loaded(loaded)
    predictor = SamPredictor(sam)
    predictor.set_image(image)
    _, scores, low_res = predictor.predict(np.array([[20, 20]]), np.array([1]))
    np.testing.assert_allclose(scores, stability_score(torch.from_numpy(low_res), 0.0, 1.0).numpy(), rtol=1e-6)
    record = {
        "image": torch.zeros(3, SIZE, SIZE),
        "original_size": (SIZE, SIZE),
        "boxes": torch.tensor([[1.0, 1, 9, 9]]),
    }
    assert sam([record], multimask_output=True)[0]["iou_predictions"].max() <= 1
    generator = SamAutomaticMaskGenerator(sam, **UNFILTERED)
    found = [one["predicted_iou"] for one in generator.generate(image)]
    expected = samara.AutomaticMaskGenerator(loaded, EVERYTHING).generate(image).predicted_iou
    np.testing.assert_allclose(sorted(found), sorted(expected), rtol=1e-5)


def test_the_exported_decoder_gives_stability(loaded, features):
    graph = PromptedDecoderGraph(loaded.sam.prompt_encoder, loaded.sam.mask_decoder, SIZE).eval()
    points = torch.tensor([[[20.0, 20.0], [0.0, 0.0]]]), torch.tensor([[1.0, -1.0]])
    with torch.inference_mode():
        scores, masks = graph(features, *points, torch.zeros(1, 1, SIZE // 4, SIZE // 4), torch.zeros(1))
    torch.testing.assert_close(scores[0], stability_score(masks[0], 0.0, 1.0))


def test_validation_trusts_what_a_user_would(loaded, features, monkeypatch):
    """The IoU of a click is that of the most stable mask."""
    target = torch.zeros(1, SIZE // 4, SIZE // 4, dtype=torch.bool)
    target[:, 2:9, 3:12] = True
    sample = Sample(features[0], target, torch.ones_like(target[0]))
    by_stability, seen, decoder = validate(loaded.sam, [sample]).click_iou, [], loaded.sam.mask_decoder

    def trusting(mask):
        def scores_of(logits, predicted_iou):
            seen.append(logits)
            return torch.arange(logits.shape[1]).eq(mask).float().expand_as(predicted_iou)

        monkeypatch.setattr(decoder, "scores_of", scores_of)
        return validate(loaded.sam, [sample]).click_iou

    by_mask = [trusting(mask) for mask in range(3)]
    assert len(set(by_mask)) == 3
    assert by_stability == by_mask[int(stability_score(seen[0][0], 0.0, 1.0).argmax())]
