"""A checkpoint that squashes images: prompts, masks, everything and files are in the pixels of the image itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

import samara
from samara.masks.overlap import mask_iou

SIZE = 256


@pytest.fixture(scope="module")
def padding():
    return samara.load("samara_mini", device="cpu", precision="float32", input_size=SIZE)


@pytest.fixture(scope="module")
def squashing(padding):
    preprocessing = dataclasses.replace(padding.variant.preprocessing, fit="squash")
    return dataclasses.replace(padding, variant=dataclasses.replace(padding.variant, preprocessing=preprocessing))


@pytest.fixture(scope="module")
def photo(truck):
    return np.asarray(Image.open(truck).convert("RGB").crop((0, 200, 1800, 1100)))  # 900 x 1800


@pytest.fixture(scope="module")
def square(photo):
    return np.asarray(Image.fromarray(photo).resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def test_it_sees_the_squashed_image_and_answers_in_the_images_own_pixels(padding, squashing, photo, square):
    wide, plain = samara.Predictor(squashing), samara.Predictor(padding)
    embedding, of_square = wide.embed(photo), plain.embed(square)
    assert embedding.features.equal(of_square.features)
    assert (embedding.frame.resized_size_hw, embedding.original_size_hw) == ((SIZE, SIZE), (900, 1800))
    box = np.array([425.0, 400, 700, 675])
    found = wide.predict(embedding, boxes=box, multimask=False)
    scale = np.tile([SIZE / 1800, SIZE / 900], 2)
    expected = plain.predict(of_square, boxes=box * scale, multimask=False)
    np.testing.assert_allclose(found.low_res_logits, expected.low_res_logits, atol=1e-3)
    assert found.size_hw == (900, 1800)
    x0, y0, x1, y1 = found.boxes_xyxy[0]  # the wheel, where it is in the photo
    assert abs(np.array([x0, y0, x1, y1]) - box).max() < 40


def test_an_embedding_remembers_how_it_was_fitted(squashing, photo, tmp_path):
    predictor = samara.Predictor(squashing)
    embedding = predictor.embed(photo)
    embedding.save(tmp_path / "squashed")
    again = samara.ImageEmbedding.load(tmp_path / "squashed")
    assert (again.fit, again.frame) == ("squash", embedding.frame)
    one, other = (predictor.predict(it, points=[560, 540]) for it in (embedding, again))
    assert one.rles == other.rles


def test_everything_is_found_in_the_images_own_pixels(squashing, photo):
    settings = samara.AutomaticSettings(points_per_side=6, pred_iou_thresh=0.5, stability_score_thresh=0.5)
    generator = samara.AutomaticMaskGenerator(squashing, settings)
    masks = generator.generate(photo)
    assert len(masks)
    assert masks.size_hw == (900, 1800)
    predictor = generator.predictor
    three = predictor.predict(predictor.embed(photo), points=masks.points_xy[0])
    assert mask_iou(masks.rles[:1], three.rles).max() > 0.99
