"""What a data team does from boxes to a data set with people's corrections, as a script, and what it is left with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from samara.annotation.store.rows import HUMAN
from samara.annotation.store.store import open_store
from tests.docs.walks.people import SQUARE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(data_team):
    return open_store(data_team.folder / "masks")


def drawn_square(mask):
    left, top, right, bottom = SQUARE
    return mask.sum() == mask[top:bottom, left:right].sum() == (right - left) * (bottom - top)


def test_what_was_missing_and_damaged_is_annotated_in_the_end(data_team, store):
    assert "bench_4.png is quarantined: 'bench_4.png' cannot be read" in data_team.told
    assert "bench_5.png is quarantined" in data_team.told
    assert store.counts()[0] == 6
    assert store.counts()[2] == 0
    assert not (store.folder / "quarantined.csv").exists()


def test_corrections_are_counted_once(data_team):
    assert "1 image would be corrected, 0 unchanged, 0 refused" in data_team.printed
    counted = "masks: 0 kept, 1 redrawn, 1 with another class, 0 added, 1 removed"
    assert data_team.printed.count(counted) == 2  # the dry run, and the first time
    assert "0 images corrected, 1 unchanged, 0 refused" in data_team.printed
    assert data_team.printed.count("4 tasks without an annotation and 1 skipped: left as they are") == 3
    assert "1 image corrected, 4 unchanged, 0 refused" in data_team.printed  # by way of COCO


def test_the_store_has_the_corrections_and_what_was_before(data_team, store):
    tasks = json.loads((data_team.folder / "project.json").read_text())
    image_id = tasks[0]["data"]["samara_image_id"]
    before, after = store.history(image_id)
    assert (len(before.masks), len(after.masks)) == (3, 2)
    assert set(before.made_by) == {None}
    assert set(after.made_by) == {HUMAN}
    assert sorted(after.categories) == ["bright", "renamed"]
    assert sum(map(drawn_square, after.masks.masks())) == 1
    assert len(store.corrected()) == 2


def test_the_data_set_has_the_corrections(data_team, store):
    coco = COCO(str(data_team.folder / "data-set" / "coco.json"))
    assert len(coco.imgs) == 6
    assert len(coco.anns) == 6 * 3 - 1 + 1
    assert {one["name"] for one in coco.cats.values()} == {"bright", "renamed"}
    assert sum(drawn_square(coco.annToMask(one)) for one in coco.anns.values()) == 2
    exported = {one["file_name"]: one["id"] for one in coco.imgs.values()}
    for row in store.masks():
        masks = [coco.annToMask(one) for one in coco.loadAnns(coco.getAnnIds(exported[row.image.path]))]
        np.testing.assert_array_equal(np.array(masks, bool), row.masks.masks())


def test_the_report_tells_what_people_did(data_team):
    page = (data_team.folder / "masks" / "report.html").read_text()
    assert "People drew or corrected 3 masks" in page
    assert "Quarantined images" not in page
    images = (data_team.folder / "masks" / "report" / "images-0001.html").read_text()
    assert images.count(", corrected</span>") == 2
    assert images.count('class="line"') == 6
