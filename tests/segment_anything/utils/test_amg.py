"""The parts of automatic mask generators: what numbers do not show (those are in test_numbers)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.errors import SettingsError
from samara.segment_anything.utils import amg


@pytest.fixture
def data():
    return amg.MaskData(tensor=torch.arange(4), array=np.arange(4), names=["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (torch.tensor([True, False, False, True]), [0, 3]),
        (torch.tensor([2, 0]), [2, 0]),
        (torch.zeros(4, dtype=torch.bool), []),
        (torch.zeros(0, dtype=torch.int64), []),
    ],
)
def test_filter(data, keep, left):
    data.filter(keep)
    assert data["tensor"].tolist() == data["array"].tolist() == left
    assert data["names"] == ["abcd"[index] for index in left]


def test_tables_are_joined_by_copies(data):
    whole = amg.MaskData()
    whole.cat(data)
    whole.cat(data)
    data["names"].append("x")
    data["tensor"][0] = 9
    assert whole["names"] == list("abcdabcd")
    assert whole["tensor"].tolist() == [0, 1, 2, 3] * 2
    assert len(whole["array"]) == 8
    whole.to_numpy()
    assert isinstance(whole["tensor"], np.ndarray)
    del whole["names"]
    assert dict(whole.items()).keys() == {"tensor", "array"}


def test_other_columns_are_refused(data):
    with pytest.raises(TypeError, match="more is a str"):
        data["more"] = "text"
    with pytest.raises(TypeError, match="more is a int"):
        amg.MaskData(more=1)


def test_an_empty_mask_has_no_nan():
    assert amg.calculate_stability_score(torch.full((2, 3, 3), -9.0), 0.0, 1.0).tolist() == [0, 0]


def test_long_rows_do_not_overflow():
    assert amg.calculate_stability_score(torch.ones(1, 2, 40_000), 0.0, 0.5).item() == 1


def test_no_masks_and_no_points():
    assert amg.batched_mask_to_box(torch.zeros(0, 3, 3, dtype=torch.bool)).shape == (0, 4)
    assert amg.mask_to_rle_pytorch(torch.zeros(0, 3, 3, dtype=torch.bool)) == []
    assert amg.build_point_grid(0).shape == (0, 2)
    assert list(amg.batch_iterator(3, [])) == []


def test_sequences_of_a_batch_have_one_length():
    for arguments in ((), ([1], [1, 2])):
        with pytest.raises(SettingsError, match="equal length"):
            next(amg.batch_iterator(2, *arguments))


def test_unknown_modes_are_refused():
    with pytest.raises(SettingsError, match="'holes' or 'islands'"):
        amg.remove_small_regions(np.ones((2, 2), bool), 1, "specks")


def test_boxes_of_any_kind_become_xywh():
    for box in ([1, 2, 5, 9], np.array([1, 2, 5, 9]), torch.tensor([1, 2, 5, 9])):
        assert list(map(int, amg.box_xyxy_to_xywh(box))) == [1, 2, 4, 7]
        assert list(map(int, box)) == [1, 2, 5, 9]


def test_more_dimensions_are_uncropped_too():
    assert amg.uncrop_points(torch.zeros(2, 3, 2), [4, 5, 9, 9]).shape == (2, 3, 2)
    assert amg.uncrop_boxes_xyxy(torch.zeros(2, 3, 4), [4, 5, 9, 9])[1, 2].tolist() == [4, 5, 4, 5]
