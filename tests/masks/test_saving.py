"""Masks as files: what is in them, and MaskSet.save."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from samara.errors import OutputError, SettingsError
from samara.masks.file_kinds import FILE_KINDS
from samara.masks.rle import encode_mask
from samara.masks.saving import MOST_LABELS, covered_by_others, cutout, labels_png
from tests.masks.test_mask_set import EMPTY, OTHER, PART, WHOLE, mask_set

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def read(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_label_maps_have_the_smaller_mask_on_top():
    labels = read(labels_png([encode_mask(mask) for mask in (PART, WHOLE, OTHER)], (20, 30)))
    assert labels.dtype == np.uint8
    assert (labels[5, 5], labels[15, 15], labels[10, 25], labels[0, 29]) == (1, 2, 3, 0)


def test_label_maps_of_many_masks_have_16_bits():
    pixels = np.zeros((256, 16, 16), bool)
    pixels[np.arange(256), np.arange(256) // 16, np.arange(256) % 16] = True
    many = [encode_mask(mask) for mask in pixels]
    assert read(labels_png(many[:255], (16, 16))).dtype == np.uint8
    labels = read(labels_png(many, (16, 16)))
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, np.arange(1, 257).reshape(16, 16))
    with pytest.raises(OutputError, match="65536 masks are more than a label map can number"):
        labels_png(many[:1] * (MOST_LABELS + 1), (16, 16))


def test_masks_that_are_covered_are_counted():
    rles = [encode_mask(mask) for mask in (WHOLE, WHOLE, PART)]
    assert covered_by_others(rles) == 1
    assert covered_by_others([]) == 0


def test_cutouts():
    rgba = cutout(IMAGE, encode_mask(PART))
    assert rgba.shape == (6, 6, 4)
    np.testing.assert_array_equal(rgba[..., :3], IMAGE[2:8, 2:8])
    ring = PART.copy()
    ring[4, 4] = False
    assert cutout(IMAGE, encode_mask(ring))[2, 2].tolist() == [0, 0, 0, 0]


def test_everything_is_saved_in_the_layout_of_the_command(tmp_path):
    masks = mask_set([WHOLE, PART, OTHER])
    paths = masks.save(tmp_path, IMAGE, save=FILE_KINDS, name="a/truck")
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert sorted(path.relative_to(tmp_path).as_posix() for path in paths) == names
    pngs = [f"{kind}/a/truck/{number}.png" for kind in ("cutouts", "masks") for number in (1, 2, 3)]
    assert names == sorted(["a/truck.json", "labels/a/truck.png", "overlays/a/truck.png", *pngs])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "masks/a/truck/2.png")), 255 * PART)
    coco = COCO(str(tmp_path / "a" / "truck.json"))
    np.testing.assert_array_equal(coco.annToMask(coco.anns[2]), PART)
    assert json.loads((tmp_path / "a" / "truck.json").read_text())["images"][0]["width"] == 30


def test_saving_replaces_nothing_unless_told(tmp_path):
    masks = mask_set([WHOLE])
    masks.save(tmp_path, save=["masks"])
    before = (tmp_path / "masks" / "image" / "1.png").read_bytes()
    with pytest.raises(OutputError, match=r"1.png exists; choose another folder or name, or pass overwrite=True"):
        mask_set([OTHER]).save(tmp_path, save=["labels", "masks"])
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]
    assert (tmp_path / "masks" / "image" / "1.png").read_bytes() == before
    mask_set([OTHER]).save(tmp_path, save=["masks"], overwrite=True)
    assert (tmp_path / "masks" / "image" / "1.png").read_bytes() != before


@pytest.mark.parametrize(("kind", "message"), [("overlay", "needs the image"), ("cutouts", "need the image")])
def test_what_needs_the_image_says_so(tmp_path, kind, message):
    with pytest.raises(SettingsError, match=message):
        mask_set([WHOLE]).save(tmp_path / "out", save=[kind])
    assert not (tmp_path / "out").exists()


def test_no_masks_are_saved_too(tmp_path):
    mask_set(EMPTY).save(tmp_path, IMAGE, save=FILE_KINDS)
    assert json.loads((tmp_path / "image.json").read_text())["annotations"] == []
    assert (np.asarray(Image.open(tmp_path / "labels" / "image.png")) == 0).all()
