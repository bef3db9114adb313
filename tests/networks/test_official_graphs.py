"""The decoder and encoder of official clients: masks as the predictor draws them, in a frame of 1024 pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import samara
from samara.engines.exporting.interfaces import interface_named
from samara.engines.onnxruntime_engine import write_onnx
from samara.images.preprocessing import Frame
from samara.networks.official_graphs import OfficialDecoderGraph, OfficialSwitches, antialiased
from tests.engines.conftest import small

ORIGINAL = (90, 61)


def graphs_of(loaded, **switches):
    return interface_named("official", OfficialSwitches(**switches)).graphs(loaded)


def asked(points, labels, mask=None, original=ORIGINAL, frame=1024):
    """As an official client asks: points in the frame, one more for padding where there is no box."""
    coordinates = Frame(original, frame).to_input(np.array(points, dtype=np.float64))
    return {
        "point_coords": torch.from_numpy(coordinates)[None],
        "point_labels": torch.tensor([labels], dtype=torch.float32),
        "mask_input": torch.zeros(1, 1, frame // 4, frame // 4) if mask is None else mask,
        "has_mask_input": torch.tensor([0.0 if mask is None else 1.0]),
        "orig_im_size": torch.tensor(original, dtype=torch.float32),
    }


@pytest.fixture(scope="module", params=["vit_t", "hq_vit_t"])
def loaded(request):
    return small(request.param, 64)


@pytest.fixture(scope="module")
def embedding(loaded):
    image = np.random.default_rng(0).integers(0, 255, (*ORIGINAL, 3), dtype=np.uint8)
    return samara.Predictor(loaded).embed(image)


CLICK = ([[20.0, 30.0], [0.0, 0.0]], [1, -1])
BOX = ([[10.0, 12.0], [50.0, 60.0]], [2, 3])


@pytest.mark.parametrize(("prompt", "named"), [(CLICK, {"points": [[20, 30]]}), (BOX, {"boxes": [[10, 12, 50, 60]]})])
def test_masks_are_the_predictors(loaded, embedding, prompt, named):
    predictor = samara.Predictor(loaded)
    three = predictor.predict(embedding, **named)
    single = predictor.predict(embedding, **named, multimask=False)
    expected = np.concatenate([single.masks(), three.masks()])
    network = loaded.sam
    # In a frame as large as the network's input, as it is with SAM's 1024 pixels.
    exact = OfficialDecoderGraph(network.prompt_encoder, network.mask_decoder, 64, OfficialSwitches(), frame=64)
    _, larger = graphs_of(loaded)
    with torch.inference_mode():
        masks, iou, low_res = exact(embedding.features[None], **asked(*prompt, frame=64))
        near, near_iou, near_low_res = larger.module(embedding.features[None], **asked(*prompt))
    np.testing.assert_allclose(iou[0], [*single.predicted_iou, *three.predicted_iou], rtol=1e-4, atol=1e-5)
    logits = np.concatenate([single.low_res_logits, three.low_res_logits])
    np.testing.assert_allclose(low_res[0], logits, rtol=1e-3, atol=1e-4)
    assert ((masks[0] > 0).numpy() == expected).mean() > 0.9999
    # 1024 pixels round the image's short side otherwise than 64, and these masks are nearly noise.
    assert larger.outputs == ("masks", "iou_predictions", "low_res_masks")
    assert (near.shape, near_low_res.shape) == ((1, len(three) + 1, *ORIGINAL), (1, len(three) + 1, 256, 256))
    assert ((near[0] > 0).numpy() == expected).mean() > 0.95
    np.testing.assert_allclose(near_iou, iou, atol=0.02)


def test_one_mask_is_chosen_by_the_number_of_points(loaded, embedding):
    _, every = graphs_of(loaded)
    _, one = graphs_of(loaded, return_single_mask=True)
    for points, labels, single in ((*CLICK, False), ([[20, 30], [40, 50], [0, 0]], [1, 0, -1], True)):
        prompt = asked(points, labels)
        with torch.inference_mode():
            masks, iou, _ = every.module(embedding.features[None], **prompt)
            mask, its_iou, its_low_res = one.module(embedding.features[None], **prompt)
        index = 0 if single else 1 + int(iou[0, 1:].argmax())
        assert (mask.shape[:2], its_iou.shape, its_low_res.shape) == ((1, 1), (1, 1), (1, 1, 256, 256))
        assert its_iou.item() == iou[0, index].item()
        torch.testing.assert_close(mask[0, 0], masks[0, index])


def test_switches(loaded, embedding):
    prompt = asked(*CLICK)
    _, plain = graphs_of(loaded)
    _, measured = graphs_of(loaded, return_extra_metrics=True, use_stability_score=True)
    _, rough = graphs_of(loaded, gelu_approximate=True)
    assert measured.outputs == ("masks", "iou_predictions", "stability_scores", "areas", "low_res_masks")
    with torch.inference_mode():
        masks, _, low_res = plain.module(embedding.features[None], **prompt)
        *_, scores, areas, _ = measured.module(embedding.features[None], **prompt)
        iou = measured.module(embedding.features[None], **prompt)[1]
        roughly, _, _ = rough.module(embedding.features[None], **prompt)
    torch.testing.assert_close(areas[0], (masks[0] > 0).sum((1, 2)))
    for found, logits in ((scores[0], masks[0]), (iou[0], None)):
        assert ((found >= 0) & (found <= 1)).all()
        if logits is not None:
            torch.testing.assert_close(found, samara_stability(logits))
    assert not torch.equal(roughly, masks)
    torch.testing.assert_close(roughly, masks, rtol=0.05, atol=0.05)
    assert loaded.sam.mask_decoder.output_upscaling[2].approximate == "none", "the network stays as it is"
    assert low_res.isfinite().all()


def samara_stability(logits):
    from samara.masks.stability import stability_score

    return stability_score(logits, 0.0, 1.0)


def test_a_mask_goes_in(loaded, embedding):
    _, decoder = graphs_of(loaded)
    mask = torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(0)) * 5
    with torch.inference_mode():
        without, _, _ = decoder.module(embedding.features[None], **asked(*CLICK))
        with_mask, _, _ = decoder.module(embedding.features[None], **asked(*CLICK, mask))
        ignored, _, _ = decoder.module(
            embedding.features[None], **asked(*CLICK, mask) | {"has_mask_input": torch.zeros(1)}
        )
    assert not torch.allclose(without, with_mask, atol=1e-2)
    torch.testing.assert_close(without, ignored)


def test_the_encoder_normalises_and_pads(loaded, mini):
    encoder, _ = graphs_of(loaded)
    assert [one.shape for one in encoder.inputs] == [["image_height", "image_width", 3]]
    with torch.inference_mode():
        for shape in ((1024, 700), (30, 1024), (1024, 1024)):
            features = encoder.module(torch.rand(*shape, 3) * 255)
            assert features.shape == (1, loaded.variant.embedding_channels, 4, 4)


def test_shrinking_is_pillows():
    row = np.random.default_rng(1).uniform(0, 255, (1, 1024)).astype(np.float32)
    for size in (512, 64, 1000):
        expected = np.asarray(Image.fromarray(row).resize((size, 1), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(antialiased(1024, size).numpy() @ row[0], expected[0], rtol=1e-4, atol=1e-3)
    assert torch.equal(antialiased(64, 64), torch.eye(64))


@pytest.mark.slow
def test_it_is_exported_for_images_of_any_size(tmp_path):
    """`torch.export` froze sizes once, and once nobody could write what it gave as ONNX."""
    onnxruntime = pytest.importorskip("onnxruntime")
    loaded = small("hq_vit_t", 64)
    _, decoder = graphs_of(loaded, return_single_mask=True)
    write_onnx(decoder, tmp_path / "decoder.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "decoder.onnx", providers=["CPUExecutionProvider"])
    features = torch.randn(1, loaded.variant.embedding_channels, 4, 4)
    for original in ((31, 200), (200, 31)):
        prompt = {"image_embeddings": features} | asked(*CLICK, original=original)
        found = torch.from_numpy(session.run(None, {name: one.numpy() for name, one in prompt.items()})[0])
        assert found.shape == (1, 1, *original)
        with torch.inference_mode():
            expected = decoder.module(*prompt.values())[0]
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
