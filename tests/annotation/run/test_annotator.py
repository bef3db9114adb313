"""From an image to its masks, with the embedded checkpoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import samara
from samara.annotation.inputs.decoded import DecodedImage
from samara.annotation.run.annotator import is_out_of_memory, make_annotator, resolved
from samara.annotation.run.settings import AnnotationSettings, Cleaning
from samara.annotation.run.tiles import tiles_of
from samara.images.read import read_image
from samara.segmentation.automatic.generator import AutomaticMaskGenerator
from samara.segmentation.automatic.settings import AutomaticSettings

FEW = AutomaticSettings(points_per_side=4)


@pytest.fixture(scope="module")
def mini():
    """The embedded checkpoint at a size where it finds enough."""
    return samara.load("samara_mini", device="cpu", precision="float32", input_size=256)


@pytest.fixture(scope="module")
def image(dog):
    return DecodedImage(read_image(dog))


def test_everything_is_what_the_generator_finds(mini, image):
    found = make_annotator(mini, AnnotationSettings(automatic=FEW)).annotate(image)
    expected = AutomaticMaskGenerator(mini, FEW).generate(image.pixels)
    assert len(found) > 0
    assert found.rles == expected.rles
    cleaned = make_annotator(mini, AnnotationSettings(automatic=FEW, cleaning=Cleaning(top=2))).annotate(image)
    assert len(cleaned) == 2


def test_tiles_of_an_image_smaller_than_a_tile_change_nothing(mini, image):
    whole = make_annotator(mini, AnnotationSettings(automatic=FEW)).annotate(image)
    tiled = make_annotator(mini, AnnotationSettings(automatic=FEW, tile=4096)).annotate(image)
    assert tiled.rles == whole.rles
    assert tiled.predicted_iou.tolist() == whole.predicted_iou.tolist()


def test_tiles_find_masks_that_cross_their_edges(mini, image):
    settings = AnnotationSettings(automatic=FEW, tile=500, tile_overlap=150)
    found = make_annotator(mini, settings).annotate(image)
    assert found.size_hw == image.size_hw
    edges = [tile.box_xyxy[0] for tile in tiles_of(image.size_hw, 500, 150)[1:]]
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
