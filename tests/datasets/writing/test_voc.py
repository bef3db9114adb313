"""Pascal VOC, read by Pillow and by supervision."""

from __future__ import annotations

from pathlib import PurePosixPath
from xml.etree import ElementTree

import numpy as np
import pytest
import supervision
from PIL import Image

from samara.datasets.split import Split
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.voc import VOID, VocWriter
from samara.errors import OutputError
from tests.datasets.awkward import BORDER, EMPTY, HOLE, PARTS, annotated, awkward_images, pixel
from tests.datasets.writing.test_png import numbered


def written(out, annotated_images, **options):
    with VocWriter(out, WriterOptions(**options)) as writer:
        for image in annotated_images:
            writer.add(image)
    return writer.losses


def numbers(out, kind, name):
    image = Image.open(out / f"Segmentation{kind}" / PurePosixPath(name).with_suffix(".png"))
    return image.mode, np.array(image)


def test_objects_are_where_no_smaller_one_is(tmp_path):
    images = awkward_images()
    losses = written(tmp_path / "voc", images)
    assert losses.changed > 0
    for image in images:
        expected = np.zeros(image.masks.size_hw, int)
        for index in sorted(range(len(image.masks)), key=lambda i: (-image.masks.areas[i], -i)):
            expected[image.masks.mask(index)] = index + 1
        mode, objects = numbers(tmp_path / "voc", "Object", image.file_name)
        assert mode == "P"
        np.testing.assert_array_equal(objects, expected)
        np.testing.assert_array_equal(numbers(tmp_path / "voc", "Class", image.file_name)[1], expected > 0)
    listed = (tmp_path / "voc" / "ImageSets/Segmentation/trainval.txt").read_text(encoding="utf-8").splitlines()
    assert listed == [str(PurePosixPath(image.file_name).with_suffix("")) for image in images]


def test_classes_have_their_numbers_and_colours(tmp_path):
    images = [
        annotated([BORDER, HOLE], "a.png", 1, categories=("sky", "cat")),
        annotated([PARTS], "b.png", 2, categories=("cat",)),
    ]
    written(tmp_path / "voc", images, categories=("dog",))
    np.testing.assert_array_equal(numbers(tmp_path / "voc", "Class", "a.png")[1], np.where(HOLE, 3, 2))
    np.testing.assert_array_equal(numbers(tmp_path / "voc", "Class", "b.png")[1], np.where(PARTS, 3, 0))
    assert (tmp_path / "voc" / "labelmap.txt").read_text().splitlines() == [
        "# label:color_rgb:parts:actions",
        "background:0,0,0::",
        "dog:128,0,0::",
        "sky:0,128,0::",
        "cat:128,128,0::",
    ]


def test_supervision_reads_the_boxes(tmp_path):
    images = [
        image
        for image in awkward_images(tmp_path / "images")
        if "/" not in image.file_name and "<" not in image.file_name
    ]
    written(tmp_path / "voc", images, images="link")
    data = supervision.DetectionDataset.from_pascal_voc(
        str(tmp_path / "voc" / "JPEGImages"), str(tmp_path / "voc" / "Annotations")
    )
    assert data.classes == ["object"]
    assert len(data.annotations) == len(images) > 1
    for image in images:
        read = data.annotations[str(tmp_path / "voc" / "JPEGImages" / image.file_name)]
        np.testing.assert_array_equal(read.xyxy, image.masks.boxes_xyxy)


def test_xml_holds_any_name(tmp_path):
    name, category = "straße & <Brücke> 'π' \"☃\".png", "<a & 'b'>"
    written(tmp_path / "voc", [annotated([pixel(0, 0), EMPTY, pixel(29, 19)], name, categories=(category,) * 3)])
    root = ElementTree.parse(tmp_path / "voc" / "Annotations" / PurePosixPath(name).with_suffix(".xml")).getroot()
    assert root.findtext("filename") == name
    assert [root.findtext(f"size/{side}") for side in ("width", "height", "depth")] == ["30", "20", "3"]
    boxes = [
        [one.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")] for one in root.iter("object")
    ]
    assert boxes == [["1", "1", "1", "1"], ["30", "20", "30", "20"]]  # counted from 1, inclusive
    assert {one.findtext("name") for one in root.iter("object")} == {category}
    assert set(np.unique(numbers(tmp_path / "voc", "Object", name)[1])) == {0, 1, 2}


@pytest.mark.parametrize(("count", "mode"), [(254, "P"), (255, "I;16"), (700, "I;16")])
def test_many_objects_leave_void_alone(tmp_path, count, mode):
    written(tmp_path / "voc", [numbered(count)])
    found, objects = numbers(tmp_path / "voc", "Object", "a.png")
    assert found == mode
    expected = [number for number in range(1, count + 2) if number != VOID][:count]
    assert objects.ravel()[:count].tolist() == expected
    # The order of the XML is that of the numbers.
    assert (tmp_path / "voc" / "Annotations" / "a.xml").read_text().count("<object>") == count


def test_what_cannot_be_said(tmp_path):
    with VocWriter(tmp_path / "voc", WriterOptions(categories=tuple(f"c{n}" for n in range(254)))) as writer:
        with pytest.raises(OutputError, match="'new' is category 255, but VOC can number only 254"):
            writer.add(annotated([HOLE], categories=("new",)))
        for name in ("two\nlines.png", "half \udce9.png"):
            with pytest.raises(OutputError, match="neither XML nor VOC's image lists"):
                writer.add(annotated([HOLE], name))
    assert not list((tmp_path / "voc" / "Annotations").iterdir())


@pytest.mark.parametrize("name", ["a: b", "#1", "background"])
def test_classes_that_the_list_of_labels_cannot_hold(tmp_path, name):
    with (
        VocWriter(tmp_path / "voc") as writer,
        pytest.raises(OutputError, match=rf"rename it with `categories={{'{name}': 'NEW NAME'}}`"),
    ):
        writer.add(annotated([HOLE], categories=(name,)))
    with VocWriter(tmp_path / "fine") as writer:
        writer.add(annotated([HOLE, PARTS], categories=("C#", "men's shoe, left")))
    labels = (tmp_path / "fine" / "labelmap.txt").read_text().splitlines()[2:]
    assert [line.split(":")[0] for line in labels] == ["C#", "men's shoe, left"]
    assert {line.count(":") for line in labels} == {3}


def test_the_xml_says_where_the_image_lies(tmp_path):
    images = awkward_images(tmp_path / "images")
    written(tmp_path / "voc", images, images="copy")
    for image in images:
        described = tmp_path / "voc" / "Annotations" / PurePosixPath(image.file_name).with_suffix(".xml")
        root = ElementTree.parse(described).getroot()
        assert (tmp_path / "voc" / root.findtext("folder") / root.findtext("filename")).is_file()


def test_a_split_is_lists(tmp_path):
    images = [annotated([HOLE], f"sub/{number} x.png", number) for number in range(1, 41)]
    split = Split(train=0.6, val=0.2, test=0.2)
    written(tmp_path / "voc", images, split=split)
    lists = {
        path.stem: path.read_text().splitlines() for path in (tmp_path / "voc" / "ImageSets/Segmentation").iterdir()
    }
    assert set(lists) == {"train", "val", "trainval", "test"}
    for part in split.parts:
        assert lists[part] == [f"sub/{n} x" for n in range(1, 41) if split.part_of(f"sub/{n} x") == part]
        assert lists[part]
    assert sorted(lists["trainval"]) == sorted(lists["train"] + lists["val"])
    written(tmp_path / "few", images[:2], split=Split(train=0.99, val=0.01))
    assert (tmp_path / "few" / "ImageSets/Segmentation/val.txt").read_text().count("\n") == 1
    with pytest.raises(OutputError, match="needs at least 3 images, but there are 2"):
        written(tmp_path / "fewer", images[:2], split=split)
