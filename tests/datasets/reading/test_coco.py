"""COCO files read as pycocotools reads them, and everything else told with the annotation's id."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pycocotools.mask as coco_mask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.reading.coco import read_coco
from samara.errors import DatasetError
from samara.masks.rle import encode_mask
from tests.datasets.awkward import write_coco
from tests.masks.test_mask_set import EMPTY, OTHER, PART, WHOLE, mask_set

HEIGHT, WIDTH = 30, 40
POLYGON = [2.5, 3, 30.2, 4.1, 28, 25.5, 7, 20]
MASK = encode_mask(np.indices((HEIGHT, WIDTH)).sum(0) % 7 < 3)


def document(**changes):
    """A file with one of each kind; `changes` replace entries."""
    return {
        "images": [
            {"id": 7, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH},
            {"id": 3, "file_name": "sub/b.jpg", "height": HEIGHT, "width": WIDTH},
        ],
        "annotations": [
            annotation(id=11, segmentation=[POLYGON]),
            annotation(id=12, segmentation=[POLYGON, [0, 0, 9, 0, 9, 9]], category_id=2),
            annotation(id=13, segmentation={"size": [HEIGHT, WIDTH], "counts": MASK.uncompressed()}, iscrowd=1),
            annotation(id=14, segmentation=dict(MASK.to_coco()), category_id=None),
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        **changes,
    }


def annotation(**changes):
    return {"id": 1, "image_id": 7, "category_id": 1, "segmentation": [POLYGON], "iscrowd": 0, "area": 1} | changes


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.jpg").touch()  # never opened
    (folder / "sub" / "b.jpg").touch()
    return folder


@pytest.fixture
def read(tmp_path, images):
    def read(content):
        path = tmp_path / "instances.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_coco(path, images)

    return read


def test_images_come_in_order_with_their_instances(read, images, tmp_path):
    first, second = read(document())
    assert (first.path, first.name, first.size_hw) == (images / "a.jpg", "a.jpg", (HEIGHT, WIDTH))
    assert (second.path, second.name, second.instances) == (images / "sub" / "b.jpg", "sub/b.jpg", ())
    assert first.source == str(tmp_path / "instances.json")
    assert [instance.category for instance in first.instances] == ["cat", "dog", "cat", None]
    assert [instance.is_crowd for instance in first.instances] == [False, False, True, False]


def test_images_of_a_merged_set_say_where_they_are_from(read):
    content = document()
    content["images"][0]["source"] = "val2017"
    content["images"][1]["source"] = 5
    assert [image.collection for image in read(content)] == ["val2017", None]


def test_masks_are_those_of_pycocotools(read, tmp_path, capsys):
    ours = [instance.rle.decode() for instance in read(document())[0].instances]
    coco = COCO(str(tmp_path / "instances.json"))
    for mask, number in zip(ours, (11, 12, 13, 14), strict=True):
        np.testing.assert_array_equal(mask, coco.annToMask(coco.anns[number]).astype(bool))


def test_what_we_write_we_read(tmp_path, images):
    first = AnnotatedImage("a.jpg", mask_set([WHOLE, PART]), 1)
    write_coco(tmp_path / "x.json", [first, AnnotatedImage("sub/b.jpg", mask_set(EMPTY), 2)], {})
    first, second = read_coco(tmp_path / "x.json", images)
    for instance, mask in zip(first.instances, (WHOLE, PART), strict=True):
        np.testing.assert_array_equal(instance.rle.decode(), mask)
        assert instance.category == "object"
    assert second.instances == ()


def test_text_as_paths_is_taken(tmp_path, images):
    write_coco(tmp_path / "x.json", [AnnotatedImage("a.jpg", mask_set([OTHER]), 1)], {})
    assert len(read_coco(str(tmp_path / "x.json"), str(images))) == 1


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("train2017/a.jpg", "a.jpg"),
        ("sub/b.jpg", "sub/b.jpg"),
        ("sub\\b.jpg", "sub/b.jpg"),  # written on Windows
    ],
)
def test_images_are_found_by_path_or_last_part(read, images, name, found):
    row = {"id": 7, "file_name": name, "height": HEIGHT, "width": WIDTH}
    assert read(document(images=[row]))[0].path == images / found


@pytest.mark.parametrize("key", ["categories", "info"])
def test_other_parts_may_be_absent(read, key):
    content = document()
    content.pop(key, None)
    assert len(read(content)[0].instances) == 4


def test_without_categories_there_are_none(read):
    content = document()
    del content["categories"]
    assert {instance.category for instance in read(content)[0].instances} == {None}


def test_tiny_outlines_stay_as_empty_masks(read):
    tiny = annotation(segmentation=[[1.1, 1.1, 1.2, 1.1, 1.2, 1.2]])
    assert read(document(annotations=[tiny]))[0].instances[0].rle.area == 0


def listed(**changes):
    return {"id": 7, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH} | changes


BROKEN_ANNOTATIONS = {
    "no object": (3, "number 1.*not an object"),
    "no id": ({"image_id": 7}, "number 1 .*no segmentation"),
    "unknown image": (annotation(id=5, image_id=99), "Annotation 5 .*image 99"),
    "no image": (annotation(id=5, image_id=None), "Annotation 5 .*image_id None"),
    "list as image": (annotation(id=5, image_id=[7]), r"Annotation 5 .*image_id \[7\]"),
    "unknown category": (annotation(id=5, category_id=9), "Annotation 5 .*category 9"),
    "list as category": (annotation(id=5, category_id=[9]), r"Annotation 5 .*category_id \[9\]"),
    "crowd": (annotation(id=5, iscrowd="yes"), "Annotation 5 .*iscrowd"),
    "no mask": (annotation(id=5, segmentation=None), "Annotation 5 .*no segmentation"),
    "empty mask": (annotation(id=5, segmentation=[]), "Annotation 5 .*no segmentation"),
    "text as mask": (annotation(id=5, segmentation="mask"), "Annotation 5 .*the segmentation 'mask'"),
    "nan": (annotation(id=5, segmentation=[[*POLYGON[:7], float("nan")]]), "Annotation 5 .*finite"),
    "infinite": (annotation(id=5, segmentation=[[*POLYGON[:7], float("inf")]]), "Annotation 5 .*finite"),
    "odd": (annotation(id=5, segmentation=[POLYGON[:7]]), "Annotation 5 .*7 numbers"),
    "two points": (annotation(id=5, segmentation=[POLYGON[:4]]), "Annotation 5 .*4 numbers"),
    "second part": (annotation(id=5, segmentation=[POLYGON, []]), "Annotation 5 .*"),
    "flat polygon of odd length": (annotation(id=5, segmentation=POLYGON[:5]), "Annotation 5 .*5 numbers"),
    "text in polygon": (annotation(id=5, segmentation=[["1"] * 6]), "Annotation 5 .*list of numbers"),
    "empty run lengths": (annotation(id=5, segmentation={}), "Annotation 5 .*size"),
    "other size": (
        annotation(id=5, segmentation={"size": [WIDTH, HEIGHT], "counts": [HEIGHT * WIDTH]}),
        "Annotation 5 .*40 x 30 pixels.*30 x 40",
    ),
    "sum": (annotation(id=5, segmentation={"size": [HEIGHT, WIDTH], "counts": [7]}), "Annotation 5 .*add up to 7"),
    "letters": (annotation(id=5, segmentation={"size": [HEIGHT, WIDTH], "counts": "é"}), "Annotation 5 .*character"),
    "bomb": (annotation(id=5, segmentation={"size": [10**9, 10**9], "counts": [10**18]}), "Annotation 5 .*pixels"),
    "long id": (annotation(id="x" * 10_000, image_id=99), "Annotation 'xxx.*image 99"),
}


@pytest.mark.parametrize("case", BROKEN_ANNOTATIONS)
def test_broken_annotations_are_told_by_id(read, case):
    row, sentence = BROKEN_ANNOTATIONS[case]
    with pytest.raises(DatasetError, match=sentence) as caught:
        read(document(annotations=[row]))
    assert "instances.json" in str(caught.value)
    assert "`ReadingRules(skip_bad=True)`" in str(caught.value)
    assert len(str(caught.value)) < 500


BROKEN_IMAGES = {
    "no object": (["a.jpg"], "Image number 1.*not an object"),
    "no id": ([listed(id=None)], "Image None .*id None"),
    "id twice": ([listed(), listed(file_name="sub/b.jpg")], "Image 7 .*twice"),
    "file twice": ([listed(), listed(id=8)], "a.jpg.*listed twice"),
    "file twice by last part": ([listed(file_name="x/a.jpg"), listed(id=8, file_name="y/a.jpg")], "listed twice"),
    "no size": ([{"id": 7, "file_name": "a.jpg"}], "Image 7 .*None as height"),
    "zero": ([listed(width=0)], "Image 7 .*0 as width"),
    "float": ([listed(width=40.5)], "Image 7 .*the width 40.5"),
    "bool": ([listed(height=True)], "Image 7 .*the height True"),
    "no name": ([listed(file_name=None)], "Image 7 .*the file_name None"),
    "empty name": ([listed(file_name="")], "Image 7 .*file_name"),
    "null in name": ([listed(file_name="a\0.jpg")], "Image 7 .*file_name"),
    "missing": ([listed(), listed(id=8, file_name="c.jpg"), listed(id=9, file_name="d.jpg")], "2 of the 3 .*'c.jpg'"),
    "folder": ([listed(file_name="sub")], "1 of the 1 .*'sub'"),
    "long name": ([listed(file_name="x" * 10_000)], "1 of the 1 "),
}


@pytest.mark.parametrize("case", BROKEN_IMAGES)
def test_broken_images_are_told(read, case):
    rows, sentence = BROKEN_IMAGES[case]
    with pytest.raises(DatasetError, match=sentence) as caught:
        read(document(images=rows, annotations=[]))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../a.jpg",
        "sub/../../a.jpg",
        "sub/..",
        "..",
        "C:\\a.jpg",
        "C:a.jpg",
        "\\\\host\\a.jpg",
        "..\\a.jpg",
    ],
)
def test_no_file_outside_the_folder_is_looked_at(read, tmp_path, name):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(DatasetError, match="Image 7 .*leads out"):
        read(document(images=[listed(file_name=name)]))


@pytest.mark.parametrize(
    ("categories", "sentence"),
    [
        ({}, '{} as "categories"'),
        ([1], "Category number 1"),
        ([{"id": 1}], "Category 1 .*the name None"),
        ([{"id": [], "name": "cat"}], "Category .*id"),
        ([{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}], "Category 1 .*twice"),
    ],
)
def test_broken_categories_are_told(read, categories, sentence):
    with pytest.raises(DatasetError, match=sentence):
        read(document(categories=categories))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("<html>", "is not JSON"),
        ("[]", "JSON list.*images"),
        ("{}", 'no list "images"'),
        ('{"images": {}, "annotations": []}', 'no list "images"'),
        ('{"images": []}', 'no list "annotations"'),
    ],
)
def test_other_files_are_told(read, content, sentence):
    with pytest.raises(DatasetError, match=sentence):
        read(content)


def test_absent_files_and_folders_are_told(tmp_path, images):
    with pytest.raises(DatasetError, match=r"absent\.json.*cannot be read"):
        read_coco(tmp_path / "absent.json", images)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_coco(images, images)
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document()))
    with pytest.raises(DatasetError, match="is not a folder"):
        read_coco(path, tmp_path / "nowhere")


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=7) | st.dictionaries(st.sampled_from(["size", "counts", "id"]), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.sampled_from(["segmentation", "image_id", "category_id", "iscrowd", "id"]),
)
def test_no_other_error_escapes(tmp_path_factory, value, key):
    folder = tmp_path_factory.getbasetemp()
    (folder / "a.jpg").touch()
    path = folder / "hostile.json"
    path.write_text(json.dumps(document(images=[listed()], annotations=[annotation(**{key: value})])))
    with contextlib.suppress(DatasetError):
        read_coco(path, folder)


def test_compressed_bytes_are_understood_as_pycocotools_gives_them():
    from samara.datasets.reading.coco import _mask

    encoded = coco_mask.encode(np.asfortranarray(MASK.decode().astype(np.uint8)))
    assert _mask(encoded, (HEIGHT, WIDTH), "") == MASK
