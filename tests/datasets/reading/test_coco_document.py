"""COCO as programs write it loosely: what can mean one thing only is taken, and what is taken is told."""

from __future__ import annotations

import pytest

from samara.datasets.reading import coco_document
from samara.datasets.reading.coco import CUT_OUTLINES, FLAT_POLYGONS, read_coco
from samara.datasets.reading.findings import ReadingRules
from samara.errors import DatasetError
from tests.datasets.written_by import HEIGHT, RUNS, SQUARE, WIDTH, annotation, coco, draw, image


@pytest.fixture
def read(tmp_path):
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")

    def read(images=None, annotations=None, categories=({"id": 1, "name": "cat"},), **rules):
        path = coco(tmp_path / "x.json", images or [image()], annotations or [annotation()], categories)
        told = []
        found = read_coco(path, tmp_path, ReadingRules(**rules), told.append)
        return found, told

    return read


def counted(told, remark):
    """How often a remark was told."""
    return sum(int(sentence.split(": ", 1)[1].split()[0]) for sentence in told if remark in sentence)


@pytest.mark.parametrize(
    ("images", "annotations"),
    [
        ([image(width=40.0, height="30")], [annotation()]),
        ([image(1.0)], [annotation(image_id="1", category_id="1")]),
        ([image("1")], [annotation(image_id=1, category_id=1.0)]),
        ([image("p1")], [annotation(image_id="p1")]),
        ([image()], [annotation(iscrowd=False)]),
        ([image()], [annotation(iscrowd=None, area=None, extra={"x": [1]})]),
        ([image()], [annotation(iscrowd="0")]),
        ([image()], [{"image_id": 1, "segmentation": [SQUARE]}]),
        ([image()], [annotation(segmentation={"size": [30.0, 40.0], "counts": [float(run) for run in RUNS]})]),
    ],
)
def test_loose_writing_is_taken(read, images, annotations):
    (found,), told = read(images, annotations)
    assert [one.rle.area for one in found.instances] == [100]
    assert told == []


def test_sizes_come_from_the_images_where_the_file_has_none(read):
    for lacking in ({"width": None}, {"height": 0}, {"width": None, "height": None}):
        (found,), told = read([image(**lacking)])
        assert found.size_hw == (HEIGHT, WIDTH)
        assert counted(told, coco_document.SIZES_FROM_IMAGES) == 1
    with pytest.raises(DatasetError, match="Image 1 .*None as width.*not found"):
        read([image(name="absent.png", width=None)])


@pytest.mark.parametrize("flat", [SQUARE, [[10, 10], [20, 10], [20, 20], [10, 20]]])
def test_a_flat_polygon_is_one_polygon(read, flat):
    (found,), told = read(annotations=[annotation(segmentation=flat)])
    assert found.instances[0].rle.box_xyxy == (10, 10, 20, 20)
    assert counted(told, FLAT_POLYGONS) == 1


def test_outlines_beyond_the_image_are_cut_and_told(read):
    beyond = [30, 20, 45, 20, 45, 33, 30, 33]
    at_border = [30, 20, 40.5, 20, 40.5, 30, 30, 30]
    (found,), told = read(annotations=[annotation(1, segmentation=[beyond]), annotation(2, segmentation=[at_border])])
    assert [one.rle.box_xyxy for one in found.instances] == [(30, 20, 40, 30)] * 2
    assert counted(told, CUT_OUTLINES) == 1


def test_all_faults_are_told_together(read):
    rows = [annotation(n, segmentation=[SQUARE[:5]]) for n in range(1, 141)]
    with pytest.raises(DatasetError) as caught:
        read(annotations=rows)
    assert "140 entries" in str(caught.value)
    assert "Annotation 8 " in str(caught.value)
    assert "and 132 more" in str(caught.value)


BAD = {
    "unknown image": annotation(2, image_id=99),
    "unknown category": annotation(2, category_id=99),
    "no mask": annotation(2, segmentation=[]),
    "nan": annotation(2, segmentation=[[*SQUARE[:7], float("nan")]]),
    "nan as category": annotation(2, category_id=float("nan")),
    "infinite": annotation(2, image_id=float("inf")),
    "no object": 7,
    "odd": annotation(2, segmentation=[SQUARE[:7]]),
    "crowd": annotation(2, iscrowd=2),
    "bool as image": annotation(2, image_id=True),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_annotations_can_be_left_out_and_are_counted(read, case):
    with pytest.raises(DatasetError):
        read(annotations=[annotation(), BAD[case]])
    (found,), told = read(annotations=[annotation(), BAD[case]], skip_bad=True)
    assert len(found.instances) == 1
    assert ["1 bad entries were left out" in sentence for sentence in told] == [True]


def test_nothing_but_bad_annotations_is_an_error(read):
    with pytest.raises(DatasetError, match=r"has no usable annotations.*2 bad entries"):
        read(annotations=[BAD["no mask"], BAD["nan"]], skip_bad=True)


def test_bad_images_take_their_annotations_with_them(read):
    images = [image(), image(2, "b.png", width="wide"), image(3, "absent.png")]
    rows = [annotation(1), annotation(2, image_id=2), annotation(3, image_id=3), annotation(4, image_id=3)]
    found, told = read(images, rows, skip_bad=True)
    assert [one.name for one in found] == ["a.png"]
    assert counted(told, "bad entries") == 2
    assert counted(told, coco_document.OF_LEFT_OUT_IMAGES) == 3


def test_ids_that_mean_two_images_mean_neither(read):
    images = [image(), image(1, "b.png"), image(2, "b.png")]
    found, told = read(images, [annotation(1), annotation(2, image_id=2)], skip_bad=True)
    assert [one.name for one in found] == ["b.png"]
    assert counted(told, coco_document.OF_LEFT_OUT_IMAGES) == 1


def test_repeated_annotations_count_once_and_shared_ids_are_told(read):
    other = annotation(1, segmentation=[[0, 0, 5, 0, 5, 5]])
    (found,), told = read(annotations=[annotation(1), annotation(1), other])
    assert len(found.instances) == 2
    assert counted(told, coco_document.REPEATED_ROWS) == 1
    assert counted(told, coco_document.SHARED_IDS) == 1


def test_categories_may_be_missing_and_repeated_alike(read):
    (found,), _ = read(categories=None)
    assert found.instances[0].category is None
    (found,), _ = read(categories=[{"id": 1, "name": "cat"}, {"id": 1.0, "name": "cat"}])
    assert found.instances[0].category == "cat"


def test_a_byte_order_mark_is_no_harm(tmp_path, read):
    read()
    path = tmp_path / "x.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_coco(path, tmp_path)) == 1


def test_boxes_without_masks_are_told_what_makes_masks(read):
    with pytest.raises(DatasetError, match=r"has a box but no segmentation; `samara.annotate\(...\)`"):
        read(annotations=[annotation(segmentation=[])])
