"""The plan: written, read in shards, names that are no text."""

from __future__ import annotations

import hashlib

import pytest

from samara.annotation.store.plan import (
    Asked,
    PlanFacts,
    PlannedImage,
    read_shard,
    read_shards,
    shard_offsets,
    write_plan,
)
from samara.errors import DatasetError, SettingsError

ODD = [
    PlannedImage(1, "a/Bild ü.png"),
    PlannedImage(2, "not\udcfftext.png", (512, 1000)),
    PlannedImage(
        3, "c.png", None, (Asked(((1.5, 2.0), (3.0, 4.0)), (1, 0)), Asked(box=(0.0, 1.0, 8.25, 9.0), category="rod"))
    ),
]


def test_single_shards_are_found_by_their_offsets(tmp_path):
    path = tmp_path / "plan.jsonl"
    write_plan(path, ODD, 2, is_tiled=False)
    offsets = list(shard_offsets(path, 2))
    assert [read_shard(path, 2, number, offset) for number, offset in offsets] == list(read_shards(path, 2))


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "plan.jsonl"
    facts = write_plan(path, ODD, 2, is_tiled=False)
    assert facts == PlanFacts(3, 2, hashlib.sha256(path.read_bytes()).hexdigest())
    assert facts.shards == 2
    shards = list(read_shards(path, 2))
    assert [shard.number for shard in shards] == [0, 1]
    assert [entry for shard in shards for entry in shard.entries()] == ODD


@pytest.mark.parametrize(
    ("images", "is_tiled", "per_shard"),
    [(5, False, 8), (1000, False, 31), (100_000, False, 512), (3, True, 1), (1000, True, 8)],
)
def test_shards_suit_the_number_of_images(tmp_path, images, is_tiled, per_shard):
    entries = (PlannedImage(0, str(index)) for index in range(images))
    assert write_plan(tmp_path / "plan", entries, None, is_tiled=is_tiled).images_per_shard == per_shard


def test_no_image_is_no_plan(tmp_path):
    with pytest.raises(SettingsError, match="no image to annotate"):
        write_plan(tmp_path / "plan", [], None, is_tiled=False)
    assert list(tmp_path.iterdir()) == []


def test_damage_is_told(tmp_path):
    path = tmp_path / "plan"
    path.write_text('{"name": "a"}\n{"nam')
    (shard,) = read_shards(path, 8)
    with pytest.raises(DatasetError, match="line 2"):
        shard.entries()
    with pytest.raises(DatasetError, match="damaged"):
        list(read_shards(tmp_path / "nowhere", 8))


def test_prompts_can_be_moved():
    asked = ODD[2].asked
    assert [one.kind for one in asked] == ["points", "box"]
    assert asked[0].prompt((-1, 2)).points_xy.tolist() == [[0.5, 4.0], [2.0, 6.0]]
    assert asked[0].prompt().point_labels.tolist() == [1, 0]
    assert asked[1].prompt((10, 0)).box_xyxy.tolist() == [10.0, 1.0, 18.25, 9.0]
