"""`samara.segment`: prompts, images, results as values."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import samara
from samara.errors import PromptError, SettingsError
from samara.segmentation.segment import find_images, prompts_of


@pytest.fixture(scope="module")
def mini(small_mini):
    return small_mini


@pytest.mark.usefixtures("small_inputs")
def test_images_become_masks(mini, truck, tmp_path):
    before = torch.get_num_threads()
    outcome = samara.segment(truck, out=tmp_path / "out", points=[(500, 375)], checkpoint=mini, threads=1)
    (done,) = outcome.done
    assert (done.path, len(done.masks), outcome.loaded, outcome.left_out) == (truck, 1, mini, ())
    assert torch.get_num_threads() == before
    again = samara.segment(
        str(truck), out=str(tmp_path / "other"), points=[[500, 375]], device="cpu", precision="float32"
    )
    assert again.done[0].masks.rles == done.masks.rles


def test_no_image_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="no image was given"):
        samara.segment([], out=tmp_path)


def test_points_are_one_object_and_boxes_are_many():
    (clicks,) = prompts_of([(1, 2), (3.5, 4, 0)], [])
    assert clicks.points_xy.tolist() == [[1, 2], [3.5, 4]]
    assert clicks.point_labels.tolist() == [1, 0]
    assert len(prompts_of([(1, 2), (3, 4)], [], separate=True)) == 2
    assert len(prompts_of([], [(0, 0, 5, 5), (1, 1, 9, 9)])) == 2
    (both,) = prompts_of([(1, 2)], [(0, 0, 5, 5)])
    assert both.box_xyxy.tolist() == [0, 0, 5, 5]
    assert prompts_of([], []) == []


def test_unclear_combinations_are_refused():
    with pytest.raises(PromptError, match="unclear which box"):
        prompts_of([(1, 2)], [(0, 0, 5, 5), (1, 1, 9, 9)])
    with pytest.raises(PromptError, match="cannot be combined"):
        prompts_of([(1, 2)], [(0, 0, 5, 5)], separate=True)
    with pytest.raises(PromptError, match=r"a point is \[1\]; give \(x, y\)"):
        prompts_of([(1,)], [])
    with pytest.raises(PromptError, match=r"a box is \[1, 2\]; give \(x0, y0, x1, y1\)"):
        prompts_of([], [(1, 2)])


def test_folders_and_patterns_are_looked_into(tmp_path, monkeypatch):
    for name in ("set/a.png", "set/b/c.png", "set/notes.txt", "set/out/a.png.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "set" / "b" / "loop").symlink_to(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    paths, told = find_images(["set", "./set/a.png", "set/**/*.png"], Path("set/out"))
    assert list(map(str, paths)) == ["set/a.png", "set/b/c.png"]
    assert any("1 files without an image suffix" in sentence for sentence in told)
    assert list(map(str, find_images(["absent.png", "./set/a.png"], Path("out"))[0])) == ["absent.png", "set/a.png"]
    with pytest.raises(SettingsError, match=r"set/\*.bmp has no image"):
        find_images(["set/*.bmp"], Path("out"))
