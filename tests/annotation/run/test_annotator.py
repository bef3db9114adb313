"""From a picture to its masks, with the embedded checkpoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from samara.annotation.inputs.decoded import DecodedPicture
from samara.annotation.run.annotator import is_out_of_memory, make_annotator, resolved
from samara.annotation.run.settings import AnnotationSettings, Cleaning
from samara.annotation.run.tiles import tiles_of
from samara.images.read import read_image
from samara.segmentation.automatic.generator import AutomaticMaskGenerator
from samara.segmentation.automatic.settings import AutomaticSettings

FEW = AutomaticSettings(points_per_side=4)


@pytest.fixture(scope="module")
def picture(dog):
    return DecodedPicture(read_image(dog))


def test_everything_is_what_the_generator_finds(mini, picture):
    found = make_annotator(mini, AnnotationSettings(automatic=FEW)).annotate(picture)
    expected = AutomaticMaskGenerator(mini, FEW).generate(picture.pixels)
    assert len(found) > 0
    assert found.rles == expected.rles
    cleaned = make_annotator(mini, AnnotationSettings(automatic=FEW, cleaning=Cleaning(top=2))).annotate(picture)
    assert len(cleaned) == 2


def test_tiles_of_a_picture_smaller_than_a_tile_change_nothing(mini, picture):
    whole = make_annotator(mini, AnnotationSettings(automatic=FEW)).annotate(picture)
    tiled = make_annotator(mini, AnnotationSettings(automatic=FEW, tile=4096)).annotate(picture)
    assert tiled.rles == whole.rles
    assert tiled.predicted_iou.tolist() == whole.predicted_iou.tolist()


def test_tiles_find_masks_that_cross_their_edges(mini, picture):
    settings = AnnotationSettings(automatic=FEW, tile=500, tile_overlap=150)
    found = make_annotator(mini, settings).annotate(picture)
    assert found.size_hw == picture.size_hw
    edges = [tile.box_xyxy[0] for tile in tiles_of(picture.size_hw, 500, 150)[1:]]
    boxes = found.boxes_xyxy
    assert any((boxes[:, 0] < edge - 20).any() and (boxes[:, 2] > edge + 20).any() for edge in edges)
    assert (found.crop_boxes_xyxy[:, 2] - found.crop_boxes_xyxy[:, 0]).max() > 500


def test_thresholds_of_the_checkpoint_are_recorded(mini):
    settings = resolved(AnnotationSettings(), mini)
    assert settings.automatic.pred_iou_thresh == mini.pred_iou_thresh
    kept = resolved(AnnotationSettings(automatic=replace(FEW, pred_iou_thresh=0.0)), mini)
    assert kept.automatic.pred_iou_thresh == 0.0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (ValueError("out of memory"), False),
        (RuntimeError("shape mismatch"), False),
    ],
)
def test_errors_of_memory_are_known(error, expected):
    assert is_out_of_memory(error) is expected


def test_pytorch_says_so_itself():
    with pytest.raises(RuntimeError) as error:
        torch.empty(1 << 50)
    assert is_out_of_memory(error.value)
    with pytest.raises(MemoryError):
        np.empty(1 << 50)
