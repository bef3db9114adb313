import itertools
import json
import pickle
import re

import numpy as np
import pycocotools.mask as coco_mask
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks import changes
from samara.masks import rle as rle_module
from samara.masks.rle import Rle, encode_columns, encode_mask, encode_masks, place
from samara.masks.run_alphabet import compress_runs
from tests.masks.strategies import NAMED, box_by_looking, encode_all, image, one_mask, stacks


def pycocotools_counts(mask: np.ndarray) -> bytes:
    return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]


def check_everything(mask: np.ndarray) -> None:
    rle = encode_mask(mask)
    assert rle.counts == pycocotools_counts(mask)
    assert rle.area == mask.sum()
    assert rle.box_xyxy == box_by_looking(mask)
    decoded = rle.decode()
    assert decoded.dtype == bool
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, mask)
    assert sum(rle.uncompressed()) == mask.size
    assert Rle.from_edges(rle.edges(), *mask.shape) == rle


@pytest.mark.parametrize("name", NAMED)
def test_a_named_mask_survives_and_equals_pycocotools(name):
    check_everything(NAMED[name])


@given(one_mask())
def test_any_mask_survives_and_equals_pycocotools(mask):
    check_everything(mask)


@given(one_mask())
def test_the_memory_order_does_not_matter(mask):
    expected = encode_mask(mask)
    frozen = mask.copy()
    frozen.flags.writeable = False
    for same in (np.asfortranarray(mask), np.repeat(mask, 2, 1)[:, ::2], frozen):
        assert encode_mask(same) == expected


@pytest.mark.parametrize("chunk", [1, 5, 40, 1 << 25])
@given(masks=stacks())
def test_every_way_to_encode_a_batch_gives_the_same(chunk, masks):
    batch = torch.from_numpy(masks)
    assert encode_masks(batch) == encode_all(masks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "CHUNK_PIXELS", chunk)
        assert rle_module._encode_on_device(batch) == encode_all(masks)


@pytest.mark.gpu
def test_a_batch_on_an_accelerator_is_encoded_there():
    masks = torch.rand(5, 300, 400) > 0.7
    assert encode_masks(masks.cuda()) == encode_masks(masks)


def test_no_masks_are_no_run_lengths():
    assert encode_masks(torch.zeros(0, 4, 5, dtype=torch.bool)) == []


@given(one_mask())
def test_the_coco_form_goes_through_json_and_comes_back(mask):
    rle = encode_mask(mask)
    coco = json.loads(json.dumps(rle.to_coco()))
    height, width = mask.shape
    assert Rle.from_coco(coco) == rle
    assert Rle.from_coco({**coco, "counts": rle.counts}) == rle
    assert Rle.from_coco({**coco, "counts": rle.uncompressed()}) == rle
    assert coco_mask.frPyObjects({**coco, "counts": rle.uncompressed()}, height, width)["counts"] == rle.counts


def test_runs_of_length_zero_are_merged_away():
    expected = encode_mask(image("#", "#", "#", "."))
    for counts in ([0, 3, 1], [0, 1, 0, 2, 1], [0, 0, 0, 3, 1, 0], [0, 3, 1, 0, 0], [0, 1, 0, 1, 0, 1, 1]):
        assert Rle.from_coco({"size": [4, 1], "counts": counts}) == expected
        compressed = compress_runs(np.array(counts, np.int64))
        direct = Rle(4, 1, compressed)
        assert direct == expected
        assert (direct.area, direct.box_xyxy) == (expected.area, expected.box_xyxy)
        np.testing.assert_array_equal(direct.decode(), expected.decode())


def test_runs_beyond_the_32_bits_of_pycocotools():
    height, width = 1 << 16, 1 << 17
    counts = [5, 5_000_000_000, 1000, 100, (1 << 33) - 5_000_001_105]
    rle = Rle.from_coco({"size": [height, width], "counts": counts})
    assert rle.uncompressed() == counts
    assert rle.area == 5_000_000_100
    assert rle.box_xyxy == (0, 0, 5_000_001_104 // height + 1, height)


def test_an_rle_is_a_value():
    rle = encode_mask(NAMED["hole"])
    copy = pickle.loads(pickle.dumps(rle))
    assert copy == rle
    assert hash(copy) == hash(rle)
    assert (copy.area, copy.box_xyxy) == (10, (0, 0, 4, 3))
    assert Rle(np.int64(3), 4, rle.counts).to_coco() == rle.to_coco()
    with pytest.raises(AttributeError):
        rle.height = 5


BAD_COCO = [
    ({}, "no valid size"),
    ("PPQ4", "no valid size"),
    ({"size": [2], "counts": "4"}, "no valid size"),
    ({"size": "22", "counts": "4"}, "no valid size"),
    ({"size": [2, 2.0], "counts": "4"}, "width of a mask must be a whole number, not float 2.0"),
    ({"size": [True, 4], "counts": "4"}, "height of a mask must be a whole number, not bool"),
    ({"size": [0, 4], "counts": "0"}, "0 x 4 pixels is not possible"),
    ({"size": [-2, -2], "counts": "4"}, "-2 x -2 pixels is not possible"),
    ({"size": [10**9, 10**9], "counts": "4"}, "not possible"),
    ({"size": [2, 2]}, "text, bytes or a list of run lengths, not NoneType"),
    ({"size": [2, 2], "counts": ""}, "must be compressed bytes"),
    ({"size": [2, 2], "counts": "5"}, "2 x 2 = 4 pixels add up to 5"),
    ({"size": [100_000, 100_000], "counts": "5"}, "add up to 5"),
    ({"size": [2, 2], "counts": "P"}, "truncated"),
    ({"size": [2, 2], "counts": "PPPPPPPPPPPPPPPPPPPPPPP0"}, "too large for any image"),
    ({"size": [2, 2], "counts": "4\x00"}, "character that COCO's run lengths do not use"),
    ({"size": [2, 2], "counts": "4 "}, "character"),
    ({"size": [2, 2], "counts": "ä"}, "character"),
    ({"size": [2, 2], "counts": "\ud800"}, "character"),
    ({"size": [2, 2], "counts": b"4\xff"}, "character"),
    ({"size": [2, 2], "counts": "5O"}, "negative length"),
    ({"size": [2, 2], "counts": []}, "add up to 0"),
    ({"size": [2, 2], "counts": [3]}, "add up to 3"),
    ({"size": [2, 2], "counts": [5, -1]}, "negative or longer than the image"),
    ({"size": [2, 2], "counts": [10**30]}, "negative or longer than the image"),
    ({"size": [2, 2], "counts": [4.0]}, "run length of a mask must be a whole number"),
    ({"size": [2, 2], "counts": [[4]]}, "run length of a mask must be a whole number"),
]


@pytest.mark.parametrize(("coco", "message"), BAD_COCO)
def test_a_damaged_or_hostile_file_is_refused_in_a_sentence(coco, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        Rle.from_coco(coco)


@given(st.integers(1, 40), st.integers(1, 40), st.binary(max_size=40) | st.text(max_size=40))
def test_random_counts_give_a_mask_or_a_sentence(height, width, counts):
    try:
        rle = Rle.from_coco({"size": [height, width], "counts": counts})
    except SettingsError:
        return
    assert rle.decode().sum() == rle.area


def test_the_constructor_validates_too():
    with pytest.raises(SettingsError, match="compressed bytes, not str '4'"):
        Rle(2, 2, "4")
    with pytest.raises(SettingsError, match="add up to"):
        Rle(2, 3, b"4")


@pytest.mark.parametrize("edges", [[3, 1], [-1, 2], [2, 13], [13]])
def test_edges_that_descend_or_leave_the_image_are_refused(edges):
    with pytest.raises(SettingsError, match="negative length"):
        Rle.from_edges(np.array(edges), 3, 4)


def test_edges_may_leave_the_last_end_out():
    assert Rle.from_edges(np.array([10]), 3, 4).uncompressed() == [10, 2]


def test_what_is_made_from_edges_equals_what_is_read_from_its_counts():
    """Edges of every kind: with and without the last end, at the end of the image, and in pairs that cancel out."""
    for edges in itertools.chain.from_iterable(
        itertools.combinations_with_replacement(range(7), count) for count in range(5)
    ):
        made = Rle.from_edges(np.array(edges, np.int64), 2, 3)
        read = Rle(2, 3, made.counts)
        assert (made, made.area, made.box_xyxy) == (read, read.area, read.box_xyxy), edges


def test_a_mask_of_the_whole_image_needs_no_placing():
    rle = encode_mask(np.eye(4, dtype=bool))
    assert place(rle, 4, 4, 0, 0) is rle


@pytest.mark.parametrize("mask", [np.zeros((2, 2)), np.zeros(4, bool), np.zeros((1, 2, 2), bool), [[True]]])
def test_only_boolean_planes_are_masks(mask):
    with pytest.raises(SettingsError, match="boolean array"):
        encode_mask(mask)


@pytest.mark.parametrize(
    "masks", [torch.zeros(1, 2, 2), torch.zeros(2, 2, dtype=torch.bool), np.zeros((1, 2, 2), bool)]
)
def test_only_boolean_stacks_are_batches(masks):
    with pytest.raises(SettingsError, match="boolean tensor"):
        encode_masks(masks)


def test_masks_without_pixels_are_refused():
    for masks in (torch.zeros(1, 0, 4, dtype=torch.bool), torch.zeros(1, 4, 0, dtype=torch.bool)):
        with pytest.raises(SettingsError, match="not possible"):
            encode_masks(masks)


@given(one_mask(), *[st.integers(0, 3)] * 4)
def test_a_crop_is_placed_like_a_padded_array(mask, top, bottom, left, right):
    image = np.pad(mask, ((top, bottom), (left, right)))
    assert place(encode_mask(mask), *image.shape, x=left, y=top) == encode_mask(image)


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (2, 0), (0, 3)])
def test_a_crop_beyond_the_image_is_refused(x, y):
    with pytest.raises(SettingsError, match=f"A crop of 3 x 4 pixels at column {x}, row {y} does not fit"):
        place(encode_mask(NAMED["hole"]), 5, 5, x, y)


@pytest.mark.parametrize("place", [(0, 0), (2, 3), (5, 0), (0, 4)])
def test_columns_are_encoded_where_they_stand(place):
    x0, y0 = place
    rng = np.random.default_rng(x0 * 7 + y0)
    part = rng.random((9 - x0, 8 - y0)) > 0.4  # column by column
    mask = np.zeros((8, 9), np.bool_)
    mask[y0:, x0:] = part.T
    assert encode_columns(part, x0, y0, 8, 9) == encode_mask(mask)
    with pytest.raises(SettingsError, match="do not fit"):
        encode_columns(part, x0 + 1, y0, 8, 9)
