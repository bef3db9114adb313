"""Settings: the official defaults, and ranges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import samara
from samara.errors import SettingsError
from samara.segmentation.automatic.point_grid import layer_grids, point_grid
from samara.segmentation.automatic.settings import AutomaticSettings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points_per_side": 8, "point_grids": (np.zeros((1, 2)),)}, "either points_per_side or point_grids"),
        ({"points_per_side": 0}, "points_per_side is 0; it must be between 1"),
        ({"points_per_batch": 0}, "points_per_batch is 0; it must be at least 1"),
        ({"stability_score_thresh": 1.5}, "between 0 and 1"),
        ({"stability_score_offset": 0}, "stability_score_offset"),
        ({"box_nms_thresh": -0.1}, "box_nms_thresh"),
        ({"crop_overlap_ratio": 1.0}, "crop_overlap_ratio"),
        ({"crop_n_layers": -1}, "crop_n_layers"),
        ({"min_mask_region_area": -1}, "min_mask_region_area"),
        ({"mask_nms_thresh": 2}, "mask_nms_thresh"),
        ({"point_grids": ()}, "0 point grids for 0 crop layers"),
        ({"point_grids": (np.zeros((3, 3)),)}, r"array \(K, 2\)"),
        ({"point_grids": (np.full((3, 2), 1.1),)}, "between 0 and 1"),
        ({"box_nms_thresh": float("nan")}, "box_nms_thresh is nan"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(SettingsError, match=message):
        AutomaticSettings(**arguments)


def test_defaults_are_the_official_ones():
    settings = AutomaticSettings().for_checkpoint(samara.load("vit_b", weights="random"))
    assert (settings.points_per_side, settings.points_per_batch) == (32, 64)
    assert (settings.box_nms_thresh, settings.crop_nms_thresh) == (0.7, 0.7)
    assert settings.crop_overlap_ratio == 512 / 1500
    assert settings.stability_score_offset == 1.0
    assert (settings.crop_n_layers, settings.crop_n_points_downscale_factor) == (0, 1)
    assert settings.min_mask_region_area == 0
    assert (settings.pred_iou_thresh, settings.stability_score_thresh) == (0.88, 0.95)


@pytest.mark.parametrize(("input_size", "points"), [(512, 16), (768, 24), (1024, 32), (16, 1)])
def test_the_grid_follows_the_network_input(mini, input_size, points):
    loaded = dataclasses.replace(mini, input_size=input_size)
    assert AutomaticSettings().for_checkpoint(loaded).points_per_side == points


def test_what_is_given_stays(mini):
    asked = AutomaticSettings(
        points_per_side=5,
        points_per_batch=7,
        pred_iou_thresh=0.0,
        stability_score_thresh=0.0,
        min_mask_region_area=3,
        best_of_three=True,
        point_grid="corners",
    )
    assert asked.for_checkpoint(mini) == asked
    grids = AutomaticSettings(point_grids=(np.full((1, 2), 0.5),)).for_checkpoint(mini)
    assert grids.points_per_side is None
    assert grids.pred_iou_thresh == mini.pred_iou_thresh


def test_points_lie_in_the_middle_of_cells_row_by_row():
    np.testing.assert_allclose(point_grid(2), [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])
    np.testing.assert_allclose(point_grid(1), [[0.5, 0.5]])


def test_points_at_corners_begin_cells():
    np.testing.assert_allclose(point_grid(2, "corners"), [[0, 0], [0.5, 0], [0, 0.5], [0.5, 0.5]])
    (grid,) = layer_grids(AutomaticSettings(points_per_side=3, point_grid="corners"))
    np.testing.assert_allclose(grid, point_grid(3, "corners"))


def test_layers_are_thinned():
    settings = AutomaticSettings(points_per_side=8, crop_n_layers=2, crop_n_points_downscale_factor=2)
    assert [len(grid) for grid in layer_grids(settings)] == [64, 16, 4]


def test_own_grids_are_taken_as_they_are():
    grid = np.array([[0.1, 0.9]])
    (taken,) = layer_grids(AutomaticSettings(point_grids=(grid,)))
    np.testing.assert_array_equal(taken, grid)


def test_an_accelerator_decodes_more_points_at_once(mini):
    sizes = [
        AutomaticSettings().for_checkpoint(dataclasses.replace(mini, device=device)).points_per_batch
        for device in ("cpu", "cuda:1", "mps")
    ]
    assert sizes == [64, 256, 256]
