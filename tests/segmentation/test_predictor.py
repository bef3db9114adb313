"""Predictor: every form of prompt, several images, embeddings on disk, and no influence between neighbours."""

from __future__ import annotations

import copy
import dataclasses
import io
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import samara
from samara.errors import EmbeddingError, PromptError
from samara.images.preprocessing import Frame
from samara.masks.overlap import mask_iou
from samara.networks.variants import Capabilities
from samara.segmentation.predictor import full_size, full_size_bytes
from samara.segmentation.prompts import Prompt


@pytest.fixture(scope="module")
def mini():
    """The embedded checkpoint at 256 px, whatever its own size is: mask logits are 64 × 64."""
    return samara.load("samara_mini", device="cpu", precision="float32", input_size=256)


@pytest.fixture(scope="module")
def predictor(mini):
    return samara.Predictor(mini)


@pytest.fixture(scope="module")
def truck_embedding(predictor, truck):
    return predictor.embed(truck)


@pytest.fixture(scope="module")
def embeddings(predictor):
    """Three images of different shape."""
    rng = np.random.default_rng(3)
    shapes = [(40, 60, 3), (64, 64, 3), (90, 30, 3)]
    return predictor.embed([rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes])


def same(a, b):
    np.testing.assert_allclose(a.low_res_logits, b.low_res_logits, atol=1e-3)
    np.testing.assert_allclose(a.predicted_iou, b.predicted_iou, atol=1e-4)
    ious = np.diag(mask_iou(a.rles, b.rles))
    assert all(one == other or iou > 0.99 for one, other, iou in zip(a.rles, b.rles, ious, strict=True))


def test_a_click_gives_three_masks_at_the_size_of_the_image(predictor, truck_embedding):
    masks = predictor.predict(truck_embedding, points=[[500, 375]], labels=[1])
    assert masks.masks().shape == (3, 1200, 1800)
    assert masks.checkpoint == "samara_mini"
    assert masks.prompt_index.tolist() == [0, 0, 0]
    assert masks.best().predicted_iou == masks.predicted_iou.max()


def test_one_mask(predictor, truck_embedding):
    assert len(predictor.predict(truck_embedding, points=[500, 375], multimask=False)) == 1


PROMPTS = [
    Prompt([10, 12]),
    Prompt([[10, 12], [20, 5]], [1, 0]),
    Prompt(box=[2, 3, 25, 30]),
    Prompt([12, 12], [0], box=[2, 3, 25, 30]),
    Prompt(mask_logits=np.linspace(-4, 4, 64 * 64).reshape(64, 64)),
    Prompt([5, 5], box=[1, 1, 9, 9], mask_logits=np.zeros((64, 64))),
    Prompt([20, 20]),
]


@pytest.mark.parametrize("multimask", [True, False])
def test_any_mixture_of_prompts_gives_what_each_gives_alone(predictor, embeddings, multimask):
    together = predictor.predict_prompts(embeddings[0], PROMPTS, multimask=multimask)
    assert together.prompt_index.tolist() == np.repeat(range(len(PROMPTS)), 3 if multimask else 1).tolist()
    for index, prompt in enumerate(PROMPTS):
        alone = predictor.predict_prompts(embeddings[0], [prompt], multimask=multimask)
        same(together[together.prompt_index == index], alone)


def test_several_images_each_with_their_own_prompts(predictor, embeddings):
    prompts = [PROMPTS[:3], [], PROMPTS[2:4]]
    found = predictor.predict_batch(embeddings, prompts)
    assert [len(masks) for masks in found] == [9, 0, 6]
    assert [masks.size_hw for masks in found] == [(40, 60), (64, 64), (90, 30)]
    for embedding, own, masks in zip(embeddings, prompts, found, strict=True):
        if own:
            same(masks, predictor.predict_prompts(embedding, own))


def test_nothing_at_all(predictor):
    assert predictor.predict_batch([], []) == []


def test_the_next_images_are_read_while_the_network_works(mini):
    """The network waits for the second image: were it read only afterwards, the test would time out."""
    predictor = samara.Predictor(mini)
    second_read = threading.Event()

    class Second(io.BytesIO):
        def read(self, *args):
            second_read.set()
            return super().read(*args)

    class Patient:
        def encode(self, images):
            assert second_read.wait(timeout=60)
            return torch.zeros(len(images), 256, 16, 16)

    predictor.engine = Patient()
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "png")
    found = predictor.embed([np.zeros((8, 8, 3), np.uint8), Second(file.getvalue())])
    assert [embedding.original_size_hw for embedding in found] == [(8, 8), (8, 8)]
    assert predictor.embed([]) == []


def test_clicks_in_a_row_on_one_image_prepare_it_once(mini, embeddings, monkeypatch):
    predictor = samara.Predictor(mini)
    prepared = []
    prepare = predictor.engine.prepare
    monkeypatch.setattr(predictor.engine, "prepare", lambda features: (prepared.append(1), prepare(features))[1])
    first, second, _ = embeddings
    expected = predictor.predict(second, points=[5, 5])
    for _ in range(2):
        predictor.predict(first, points=[5, 5])
    same(predictor.predict(second, points=[5, 5]), expected)
    assert len(prepared) == 3
    copy = dataclasses.replace(second, features=-second.features)
    assert not np.allclose(predictor.predict(copy, points=[5, 5]).low_res_logits, expected.low_res_logits)


def test_a_batch_of_images_is_embedded_as_each_alone(predictor):
    rng = np.random.default_rng(4)
    images = [rng.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(3)]
    for one, many in zip(
        [predictor.embed(image) for image in images], predictor.embed(images, batch_size=2), strict=True
    ):
        torch.testing.assert_close(one.features, many.features, atol=1e-4, rtol=1e-3)


def test_a_mask_can_be_fed_back(predictor, embeddings):
    first = predictor.predict(embeddings[0], points=[10, 12]).best()
    refined = predictor.predict(embeddings[0], points=[10, 12], mask_logits=first.low_res_logits, multimask=False)
    assert len(refined) == 1


def test_equal_calls_give_equal_masks(predictor, embeddings):
    a, b = (predictor.predict(embeddings[0], boxes=[[2, 3, 25, 30], [1, 1, 50, 35]]) for _ in range(2))
    assert a.rles == b.rles


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no prompt"),
        ({"points": [[70, 10]]}, "60 wide and 40 high"),
        ({"boxes": [10, 10, 70, 20]}, "exceeds the image"),
        ({"boxes": [30, 30, 20, 5]}, "x, y, width, height"),
        ({"points": [[float("nan"), 10]]}, "NaN"),
        ({"mask_logits": np.zeros((128, 128))}, "must be 64 × 64"),
    ],
)
def test_senseless_prompts_are_refused(predictor, embeddings, arguments, message):
    with pytest.raises(PromptError, match=message):
        predictor.predict(embeddings[0], **arguments)


def test_what_a_checkpoint_cannot_take_is_refused(mini, embeddings):
    less = dataclasses.replace(mini.variant, capabilities=Capabilities(boxes=False))
    predictor = samara.Predictor(dataclasses.replace(mini, variant=less))
    with pytest.raises(PromptError, match="cannot take boxes"):
        predictor.predict_prompts(embeddings[0], [Prompt(box=[1, 1, 5, 5])])


def test_an_embedding_can_be_trained_from(embeddings):
    weight = torch.zeros(1, requires_grad=True)
    (embeddings[0].features * weight).sum().backward()
    assert weight.grad is not None


def test_counts_that_disagree_are_refused(predictor, embeddings):
    with pytest.raises(PromptError, match="3 embeddings and 1 lists"):
        predictor.predict_batch(embeddings, [PROMPTS])


def test_an_embedding_is_saved_and_loaded(predictor, embeddings, tmp_path):
    path = tmp_path / "image.safetensors"
    embeddings[2].save(path)
    loaded = samara.ImageEmbedding.load(path)
    assert loaded.features.equal(embeddings[2].features)
    assert dataclasses.replace(loaded, features=None).__dict__ == {**embeddings[2].__dict__, "features": None}
    same(predictor.predict(loaded, points=[5, 5]), predictor.predict(embeddings[2], points=[5, 5]))
    assert [p.name for p in tmp_path.iterdir()] == ["image.safetensors"]


def test_an_embedding_of_another_encoder_is_refused(mini, embeddings, tmp_path):
    other = samara.Predictor(samara.load("samara_mini", weights="random", device="cpu", precision="float32"))
    path = tmp_path / "image.safetensors"
    embeddings[0].save(path)
    with pytest.raises(EmbeddingError, match="made by samara_mini.*embed the image again"):
        other.predict(samara.ImageEmbedding.load(path), points=[1, 1])


def test_an_embedding_of_another_input_size_is_refused(embeddings):
    other = samara.Predictor(samara.load("samara_mini", input_size=512, device="cpu", precision="float32"))
    with pytest.raises(EmbeddingError, match="embed the image again"):
        other.predict(embeddings[0], points=[1, 1])


def test_files_that_are_no_embedding_are_refused(tmp_path):
    text = tmp_path / "text.safetensors"
    text.write_text("no tensors here, only words and more words")
    with pytest.raises(EmbeddingError, match="not an image embedding"):
        samara.ImageEmbedding.load(text)
    weights = tmp_path / "weights.safetensors"
    save_file({"a": torch.zeros(1)}, weights)
    with pytest.raises(EmbeddingError, match="not an image embedding saved by samara"):
        samara.ImageEmbedding.load(weights)
    with pytest.raises(FileNotFoundError):
        samara.ImageEmbedding.load(tmp_path / "absent.safetensors")


def test_full_size_masks_pass_in_pieces(monkeypatch):
    monkeypatch.setattr("samara.segmentation.predictor.FULL_SIZE_BYTES", 4 * 100 * 100 * 3)
    logits = torch.randn(7, 16, 16)
    frame = Frame((100, 100), 64)
    pieces = list(full_size(logits, frame))
    assert [len(piece) for piece in pieces] == [3, 3, 1]
    torch.testing.assert_close(torch.cat(pieces), frame.to_original(logits))
    assert list(full_size(logits[:0], frame)) == []


def test_an_extreme_image_passes(predictor):
    embedding = predictor.embed(np.zeros((1, 3000, 3), dtype=np.uint8))
    assert predictor.predict(embedding, points=[2999, 0]).masks().shape == (3, 1, 3000)


def test_bfloat16_agrees_with_float32(truck):
    # A small input: where bfloat16 is not in hardware it is slow.
    single, half = (
        samara.Predictor(samara.load("samara_mini", device="cpu", precision=precision, input_size=256))
        for precision in ("float32", "bfloat16")
    )
    masks, reference = (
        predictor.predict(predictor.embed(truck), boxes=[425, 600, 700, 875], multimask=False)
        for predictor in (half, single)
    )
    assert mask_iou(masks.rles, reference.rles)[0, 0] > 0.95


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_an_autocast_around_the_caller_changes_no_mask(predictor, truck, truck_embedding, dtype):
    prompts = {"points": [[500, 375]], "boxes": [[425, 600, 700, 875]]}
    expected = predictor.predict(truck_embedding, **prompts)
    with torch.autocast("cpu", dtype=dtype):
        embedding = predictor.embed(truck)
        found = predictor.predict(embedding, **prompts)
    assert torch.equal(embedding.features, truck_embedding.features)
    assert found.rles == expected.rles


def test_another_default_type_changes_no_mask(predictor, truck, truck_embedding):
    expected = predictor.predict(truck_embedding, points=[[500, 375]])
    torch.set_default_dtype(torch.float64)
    try:
        found = predictor.predict(predictor.embed(truck), points=[[500, 375]])
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.rles == expected.rles


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_network_in_16_bits_gives_nearly_the_same_masks(mini, truck, truck_embedding, predictor, dtype):
    rough = samara.Predictor(dataclasses.replace(mini, network=copy.deepcopy(mini.network).to(dtype)))
    box = [[425, 600, 700, 875]]
    found = rough.predict(rough.embed(truck), boxes=box, multimask=False)
    expected = predictor.predict(truck_embedding, boxes=box, multimask=False)
    assert mask_iou(found.rles, expected.rles)[0, 0] > 0.95


def test_what_is_printed_is_short(mini, predictor, truck_embedding):
    masks = predictor.predict(truck_embedding, points=[[500, 375]])
    assert repr(masks) == "<MaskSet: 3 masks of samara_mini on 1800 × 1200 pixels>"
    for value in (mini, truck_embedding):
        assert "samara_mini" in repr(value)
        assert len(repr(value)) < 600


@pytest.mark.parametrize(
    ("device", "free", "expected"),
    [
        ("cpu", 80 << 30, 64 << 20),
        ("cuda:0", 80 << 30, 1 << 30),
        ("cuda:0", 2 << 30, 512 << 20),
        ("cuda:0", 0, 64 << 20),
    ],
)
def test_pieces_of_logits_follow_the_free_memory_of_a_gpu(monkeypatch, device, free, expected):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 80 << 30))
    assert full_size_bytes(torch.device(device)) == expected


def test_threads_do_not_get_each_others_images(small_mini):
    class Hurried(samara.Predictor):
        """Another thread prepares its image in every moment that it could."""

        others = None

        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "_latest" and self.others is not None:
                super().__setattr__(name, self.others)

    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(2)]
    predictor = samara.Predictor(small_mini)
    embeddings = [predictor.embed(image) for image in images]
    expected = predictor.predict(embeddings[0], boxes=[5, 5, 40, 30], multimask=False)
    hurried = Hurried(small_mini)
    hurried.predict(embeddings[1], boxes=[5, 5, 40, 30])
    hurried.others = hurried._latest
    found = hurried.predict(embeddings[0], boxes=[5, 5, 40, 30], multimask=False)
    assert np.array_equal(found.low_res_logits, expected.low_res_logits)
