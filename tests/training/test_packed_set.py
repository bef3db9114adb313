"""Packing loses nothing but what JPEG loses, and reduces masks with their images."""

from __future__ import annotations

import numpy as np

from tests.training.conftest import write_source
from training.packed_set import pack, read_packed


def test_what_is_packed_is_read(tmp_path):
    made = write_source(tmp_path / "a", 3) + write_source(tmp_path / "b", 2, size=(60, 50), seed=5)
    pack([tmp_path / "a", tmp_path / "b"], tmp_path / "out", longest_side=384, quality=95)
    data = read_packed(tmp_path / "out")
    assert len(data) == 5
    assert data.sources == ("a", "b")
    assert data.source_of.tolist() == [0, 0, 0, 1, 1]
    for index, (image, masks) in enumerate(made):
        assert np.abs(data.image(index).astype(int) - image).mean() < 12  # noise is what JPEG keeps worst
        assert (data.some_masks(index, [2, 0]) == masks[[2, 0]]).all()
    assert data.some_masks(0, []).shape == (0, 90, 120)


def test_large_images_are_reduced_with_their_masks(tmp_path):
    [(_, masks)] = write_source(tmp_path / "a", 1, size=(90, 120))
    pack([tmp_path / "a"], tmp_path / "out", longest_side=60, quality=95)
    data = read_packed(tmp_path / "out")
    assert data.image(0).shape == (45, 60, 3)
    small = data.some_masks(0, [0, 1, 2])
    assert small.shape == (3, 45, 60)
    for mask, whole in zip(small, masks, strict=True):
        again = mask.repeat(2, axis=0).repeat(2, axis=1)
        assert (again & whole).sum() / (again | whole).sum() > 0.9
