"""Annotating from stored embeddings: the same masks, and the encoder rests."""

from __future__ import annotations

import numpy as np
import pytest

from samara.annotation.inputs.decoded import DecodedImage
from samara.annotation.run.annotator import make_annotator
from samara.annotation.run.settings import AnnotationSettings
from samara.images.read import read_image
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.stored_predictor import StoredPredictor


@pytest.fixture(scope="module")
def mini(small_mini):
    return small_mini


@pytest.mark.parametrize("options", [{}, {"tile": 250, "tile_overlap": 50}])
def test_masks_are_the_same_and_computed_once(mini, dog, tmp_path, monkeypatch, options):
    settings = AnnotationSettings(automatic=AutomaticSettings(points_per_side=3), **options)
    image = DecodedImage(read_image(dog)[100:350, 300:700])
    expected = make_annotator(mini, settings).annotate(image)
    predictor = StoredPredictor(mini, EmbeddingStore(tmp_path, 1 << 30))
    annotator = make_annotator(mini, settings, lambda _: predictor)
    assert annotator.annotate(image).rles == expected.rles
    assert len(expected) > 0

    def encode(_):
        raise AssertionError("the encoder was asked again")

    monkeypatch.setattr(predictor.engine, "encode", encode)
    again = annotator.annotate(image)
    assert again.rles == expected.rles
    # The last digits: a stored embedding lies contiguously in memory, and sums are made in another order.
    assert again.predicted_iou == pytest.approx(expected.predicted_iou, abs=1e-6)
    assert make_annotator(mini, settings, lambda _: predictor).with_smaller_batches().segmenter.predictor is predictor
    with pytest.raises(AssertionError):
        annotator.annotate(DecodedImage(np.zeros((64, 64, 3), np.uint8)))


def test_lists_are_looked_up_as_well(mini, tmp_path, monkeypatch):
    predictor = StoredPredictor(mini, EmbeddingStore(tmp_path, 1 << 30))
    folder = [np.full((32, 48, 3), grey, np.uint8) for grey in (0, 90)]
    encoded, encode = [], predictor.engine.encode
    monkeypatch.setattr(predictor.engine, "encode", lambda images: encoded.append(len(images)) or encode(images))
    first = predictor.embed(folder[0])
    several = predictor.embed([*folder, folder[1]], batch_size=2)
    assert encoded == [1, 1]
    assert several[0].features.equal(first.features)
    assert several[1].features.equal(several[2].features)
