"""YOLO labels, read by OpenCV's rule, by COCO's and by supervision."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
import supervision
import yaml
from hypothesis import given
from PIL import Image
from pycocotools import mask as coco_mask

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.reading.yolo import open_yolo
from samara.datasets.split import Split
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.yolo import YoloWriter
from samara.errors import OutputError
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle
from tests.datasets.awkward import DIAGONAL, EMPTY, HOLE, MASKS, NESTED, PARTS, annotated, awkward_images
from tests.masks.strategies import stacks
from tests.masks.test_mask_set import mask_set

ONE_PART = [name for name in MASKS if name not in ("parts", "diagonal", "nested")]


def written(out, annotated_images, **options):
    with YoloWriter(out, WriterOptions(**options)) as writer:
        for image in annotated_images:
            writer.add(image)
    return writer.losses


def polygons(path, width, height):
    """Classes and polygons in pixels, in the precision that readers have."""
    rows = [np.array(line.split(), np.float32) for line in path.read_text().splitlines()]
    return [(int(row[0]), row[1:].reshape(-1, 2) * np.float32([width, height])) for row in rows]


def filled(polygon, shape):
    """As most readers do: fractions cut off, the outline part of the area."""
    return cv2.fillPoly(np.zeros(shape, np.uint8), [polygon.astype(np.int32)], 1).astype(bool)


def by_coco(polygon, shape):
    (rle,) = coco_mask.frPyObjects([polygon.astype(float).ravel().tolist()], *shape)
    return coco_mask.decode(rle).astype(bool)


@pytest.mark.parametrize("name", ONE_PART)
def test_masks_of_one_part_are_exact(tmp_path, name):
    losses = written(tmp_path / "yolo", [annotated([MASKS[name]])])
    ((_, polygon),) = polygons(tmp_path / "yolo" / "labels" / "a.txt", 30, 20)
    np.testing.assert_array_equal(filled(polygon, (20, 30)), MASKS[name])
    np.testing.assert_array_equal(by_coco(polygon, (20, 30)), MASKS[name])
    assert (losses.masks, losses.changed) == (1, 0)


@given(stacks(least=1, most=2))
def test_the_loss_is_what_a_reader_sees(tmp_path_factory, stack):
    folder = tmp_path_factory.mktemp("yolo")
    losses = written(folder / "yolo", [AnnotatedImage("a.jpg", mask_set(stack), 1)])
    shape = stack.shape[1:]
    seen = iter(polygons(folder / "yolo" / "labels" / "a.txt", *shape[::-1]))
    ious = []
    for mask in stack[stack.any((1, 2))]:
        read = filled(next(seen)[1], shape)
        ious.append((mask & read).sum() / (mask | read).sum())
    assert losses.mean_iou == pytest.approx(np.mean(ious) if ious else 1)
    assert losses.worst_iou == pytest.approx(min(ious, default=1))
    assert losses.left_out == len(stack) - len(ious)


@pytest.mark.parametrize("side", [7, 999, 1013, 16_001, 100_003])
def test_rounding_does_no_harm_in_large_images(tmp_path, side):
    place = side // 3 * 9 + 4
    rle = Rle.from_edges(np.array([place, place + 1, place + 9, place + 10]), 9, side)
    masks = MaskSet(
        rles=(rle,), size_hw=(9, side), checkpoint="x", predicted_iou=np.ones(1), prompt_index=np.zeros(1, int)
    )
    losses = written(tmp_path / "yolo", [AnnotatedImage("a.jpg", masks, 1)])
    ((_, polygon),) = polygons(tmp_path / "yolo" / "labels" / "a.txt", side, 9)
    np.testing.assert_array_equal(filled(polygon, (9, side)), rle.decode())
    np.testing.assert_array_equal(by_coco(polygon, (9, side)), rle.decode())
    assert losses.changed == 0


def test_several_parts_cost_a_line(tmp_path):
    losses = written(tmp_path / "yolo", [annotated([PARTS, HOLE, DIAGONAL, NESTED], "x/y.jpg")])
    assert 1 <= losses.changed <= 3
    assert losses.worst.startswith("x/y.jpg, mask ")
    assert 0.5 < losses.worst_iou < losses.mean_iou < 1


def test_empty_masks_are_left_out_and_empty_images_have_a_file(tmp_path):
    losses = written(tmp_path / "yolo", [annotated([EMPTY, HOLE]), annotated([], "b.png", 2)])
    assert (losses.left_out, losses.changed, losses.worst_iou) == (1, 1, 1.0)
    assert len((tmp_path / "yolo" / "labels" / "a.txt").read_text().splitlines()) == 1
    assert (tmp_path / "yolo" / "labels" / "b.txt").read_text() == ""


def test_supervision_reads_it(tmp_path):
    images = [
        annotated([MASKS[name] for name in ONE_PART], "é ☃.png", 1, categories=("Straße",) * len(ONE_PART)),
        annotated([HOLE], "b.png", 2, categories=("cat: 'x' \"y\"",)),
        annotated([], "c.png", 3),
    ]
    for image in images:
        path = tmp_path / "images" / image.file_name
        path.parent.mkdir(exist_ok=True)
        cv2.imencode(".png", np.zeros((20, 30, 3), np.uint8))[1].tofile(path)
        object.__setattr__(image, "path", path)
    written(tmp_path / "yolo", images, images="link", categories=("dog",))
    data = supervision.DetectionDataset.from_yolo(
        *(str(tmp_path / "yolo" / part) for part in ("images", "labels", "data.yaml")), force_masks=True
    )
    assert data.classes == ["dog", "Straße", "cat: 'x' \"y\""]
    for image in images:
        detections = data.annotations[str(tmp_path / "yolo" / "images" / image.file_name)]
        assert len(detections) == len(image.masks)
        for index in range(len(image.masks)):
            mask, read = image.masks.mask(index), detections.mask[index]
            # It rounds corners, where others cut fractions off: borders on the right and below lie on the next pixel.
            grown = cv2.dilate(mask.astype(np.uint8), np.ones((2, 2), np.uint8), anchor=(1, 1)).astype(bool)
            assert not (mask & ~read).any()
            assert not (read & ~grown).any()


def test_we_read_it_and_names_in_different_folders_stay_apart(tmp_path):
    images = awkward_images(tmp_path / "images")
    written(tmp_path / "yolo", images, images="copy")
    read = {image.name: image for image in open_yolo(tmp_path / "yolo").images}
    assert set(read) == {f"images/{image.file_name}" for image in images}
    for image in images:
        instances = read[f"images/{image.file_name}"].instances
        assert {instance.category for instance in instances} <= {"object"}
        for index, instance in enumerate(instances):
            lost = instance.rle.decode() ^ image.masks.mask(index)
            assert not lost.any() or image.masks.rles[index] != instance.rle
    assert [instance.rle for instance in read["images/sub/deeper/a.png"].instances] == [*images[2].masks.rles]


def test_data_yaml(tmp_path):
    written(tmp_path / "yolo", [annotated([HOLE], categories=("a: b # 'c' \\ 😀",))], categories=("-",))
    data = yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text(encoding="utf-8"))
    # No `path`: it would be taken from where training begins, and not from where the file lies.
    assert data == {"train": "images", "val": "images", "names": {0: "-", 1: "a: b # 'c' \\ 😀"}}


AWKWARD = ("men's shoe", "C#", "yes", "1", "null", "~", "3.0", "a: b", "- c", "Straße ☃ 😀", 'say "x"', "x " * 90 + "x")


def test_names_are_text_whatever_they_look_like(tmp_path):
    written(tmp_path / "yolo", [annotated([HOLE] * len(AWKWARD), categories=AWKWARD)])
    data = yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text(encoding="utf-8"))
    assert data["names"] == dict(enumerate(AWKWARD))


SPLIT = Split(train=0.6, val=0.2, test=0.2)


def folders_of(out, kind="labels"):
    return {
        path.relative_to(out / kind).as_posix().partition("/")[2].partition(".")[0]: path.relative_to(out / kind).parts[
            0
        ]
        for path in (out / kind).rglob("*.*")
    }


def test_parts_of_a_split_have_folders(tmp_path):
    images = []
    for number in range(30):
        path = tmp_path / "images" / "sub" / f"{number}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.new("L", (30, 20)).save(path)
        images.append(annotated([HOLE], f"sub/{number}.png", number + 1, path=path))
    written(tmp_path / "yolo", images, images="copy", split=SPLIT)
    found = folders_of(tmp_path / "yolo")
    assert found == {f"sub/{number}": SPLIT.part_of(f"sub/{number}") for number in range(30)}
    assert folders_of(tmp_path / "yolo", "images") == found
    assert set(found.values()) == {"train", "val", "test"}
    text = (tmp_path / "yolo" / "data.yaml").read_text()
    data = yaml.safe_load(text)
    assert [data[part] for part in ("train", "val", "test")] == ["images/train", "images/val", "images/test"]
    assert f"{list(found.values()).count('val')} images in val" in text
    # Images that come later move none.
    written(tmp_path / "fewer", images[::2], split=SPLIT)
    assert folders_of(tmp_path / "fewer").items() <= found.items()
    assert len(list(open_yolo(tmp_path / "yolo").images)) == 30


def test_no_part_of_a_small_set_is_empty(tmp_path):
    images = awkward_images(tmp_path / "images")
    written(tmp_path / "yolo", images, images="link", split=Split(train=0.98, val=0.01, test=0.01))
    found = folders_of(tmp_path / "yolo")
    assert sorted(found.values()) == ["test", "train", "train", "train", "val"]
    assert folders_of(tmp_path / "yolo", "images") == found
    folder = [path for path in (tmp_path / "yolo" / "images").rglob("*") if path.is_file()]
    assert {path.resolve() for path in folder} == {image.path for image in images}
    assert "3 images in train, 1 images in val, 1 images in test" in (tmp_path / "yolo/data.yaml").read_text()
    with pytest.raises(OutputError, match=r"train=0.9,val=0.1 needs at least 2 images, but there are 1"):
        written(tmp_path / "one", images[:1], split=Split(train=0.9, val=0.1))
    assert not (tmp_path / "one").exists()


def test_folders_called_images_do_not_hide_the_labels(tmp_path):
    """Ultralytics takes the last "/images/" of an image's path for "/labels/"."""
    path = tmp_path / "a.png"
    path.write_bytes(b"image")
    names = ["images/a.png", "set/images/images/a.png", "labels/a.png", "Images/a.png", "images.png"]
    images = [annotated([HOLE], name, number, path=path) for number, name in enumerate(names, start=1)]
    written(tmp_path / "yolo", images, images="link")
    folder = [path for path in (tmp_path / "yolo" / "images").rglob("*") if path.is_symlink()]
    assert len(folder) == len(names)
    for image in folder:
        label = Path("/labels/".join(str(image).rsplit("/images/", 1))).with_suffix(".txt")
        assert label.is_file()


def test_what_cannot_be_said(tmp_path):
    with YoloWriter(tmp_path / "yolo", WriterOptions(images="link")) as writer:
        with pytest.raises(OutputError, match="has no image file to link"):
            writer.add(annotated([HOLE]))
        with pytest.raises(OutputError, match="relative to the image folder"):
            writer.add(annotated([HOLE], "/etc/a.png"))
    assert not list((tmp_path / "yolo" / "labels").iterdir())
    with YoloWriter(tmp_path / "other") as writer:
        writer.add(annotated([HOLE], "a.jpg"))
        with pytest.raises(OutputError, match="would share a.txt"):
            writer.add(annotated([PARTS], "a.png"))
    assert writer.losses.masks == 1
    assert PurePosixPath("a.txt").name in {path.name for path in (tmp_path / "other" / "labels").iterdir()}
