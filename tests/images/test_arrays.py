"""Layouts of arrays and tensors, accepted and refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.errors import ImageError
from samara.images.read import read_image
from tests.images.encoding import PHOTO

CHW = np.ascontiguousarray(PHOTO.transpose(2, 0, 1))
RGBA = np.dstack([PHOTO, np.full(PHOTO.shape[:2], 255, np.uint8)])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (PHOTO[..., 0], PHOTO[..., [0, 0, 0]]),
        (PHOTO[..., :1], PHOTO[..., [0, 0, 0]]),
        (RGBA, PHOTO),
        (PHOTO[::-1, ::-1], PHOTO[::-1, ::-1]),
        (PHOTO[::2, 1::3], PHOTO[::2, 1::3]),
        (np.asfortranarray(PHOTO), PHOTO),
        (np.broadcast_to(PHOTO[:1], PHOTO.shape), PHOTO[[0] * len(PHOTO)]),
        (np.zeros((3, 5, 3), np.uint8), np.zeros((3, 5, 3))),  # three rows, not three channels
        (PHOTO[..., 0].view(np.matrix), PHOTO[..., [0, 0, 0]]),
    ],
    ids=[
        "grey",
        "one channel",
        "RGBA",
        "mirrored",
        "strided",
        "Fortran",
        "broadcast",
        "three rows",
        "matrix",
    ],
)
def test_layouts_of_arrays(array, expected):
    rgb = read_image(array)
    np.testing.assert_array_equal(rgb, expected)
    assert type(rgb) is np.ndarray
    assert rgb.flags.c_contiguous
    assert rgb.flags.writeable
    assert not np.shares_memory(rgb, array)


def test_read_only_and_mapped_arrays(tmp_path):
    frozen = PHOTO.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(read_image(frozen), PHOTO)
    np.testing.assert_array_equal(read_image(frozen, channel_order="BGR"), PHOTO[..., ::-1])
    np.save(tmp_path / "photo.npy", PHOTO)
    mapped = np.load(tmp_path / "photo.npy", mmap_mode="r")
    assert type(read_image(mapped)) is np.ndarray
    np.testing.assert_array_equal(read_image(mapped), PHOTO)


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (torch.from_numpy(CHW), PHOTO),
        (torch.from_numpy(PHOTO).permute(2, 0, 1), PHOTO),
        (torch.from_numpy(CHW[0]), PHOTO[..., [0, 0, 0]]),
        (torch.from_numpy(CHW[:1]), PHOTO[..., [0, 0, 0]]),
        (torch.from_numpy(np.ascontiguousarray(RGBA.transpose(2, 0, 1))), PHOTO),
        ((torch.from_numpy(CHW).float() / 255).requires_grad_(), PHOTO),
        (torch.from_numpy(CHW).bfloat16(), None),
        (torch.complex(torch.zeros(CHW.shape), -(torch.from_numpy(CHW) / 255)).conj().imag, PHOTO),
    ],
    ids=[
        "CHW",
        "channels last in memory",
        "grey",
        "one channel",
        "RGBA",
        "gradient",
        "bfloat16",
        "negative view",
    ],
)
def test_layouts_of_tensors(tensor, expected):
    value_range = (0, 255) if expected is None else None
    expected = tensor.float().permute(1, 2, 0).numpy() if expected is None else expected
    rgb = read_image(tensor, value_range=value_range)
    np.testing.assert_array_equal(rgb, expected)
    rgb[:] = 0
    assert tensor.any()  # nothing is shared


@pytest.mark.gpu
def test_tensors_on_a_gpu():
    np.testing.assert_array_equal(read_image(torch.from_numpy(CHW).cuda()), PHOTO)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (CHW, r"shape \(3, 9, 7\).*channels first.*array\.transpose\(1, 2, 0\)"),
        (np.zeros((1, 9, 7), np.uint8), r"channels first"),
        (np.zeros((9, 7, 2), np.uint8), r"2 channels; accepted are 1, 3 and 4.*array\[\.\.\., :3\]"),
        (np.zeros((9, 7, 13), np.uint8), r"13 channels"),
        (np.zeros((2, 9, 7, 3), np.uint8), r"batch.*list"),
        (np.zeros((1, 3, 9, 7), np.uint8), r"batch.*list"),
        (np.zeros(300, np.uint8), r"one dimension.*tobytes"),
        (np.zeros((), np.uint8), r"0 dimensions"),
        (np.zeros((1, 1, 1, 9, 7), np.uint8), r"5 dimensions"),
        (np.zeros((0, 7, 3), np.uint8), r"empty.*at least one pixel"),
        (np.zeros((9, 7, 0), np.uint8), r"empty"),
        (np.zeros((0, 9, 7, 3), np.uint8), r"empty"),
        (np.ma.masked_less(PHOTO, 9), r"masked.*filled"),
    ],
)
def test_layouts_that_arrays_must_not_have(array, words):
    with pytest.raises(ImageError, match=words):
        read_image(array)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.from_numpy(PHOTO), r"shape \(9, 7, 3\).*channels last.*tensor\.permute\(2, 0, 1\)"),
        (torch.zeros(2, 9, 7), r"2 channels.*tensor\[:3\]"),
        (torch.zeros(1, 3, 9, 7), r"batch.*list"),
        (torch.zeros(9), r"one dimension"),
        (torch.zeros(3, 0, 7), r"empty"),
        (torch.zeros(3, 9, 7, device="meta"), r"device meta.*no plain values.*dense tensor"),
        (torch.eye(9).to_sparse(), r"sparse.*to_dense"),
        (torch.zeros(3, 9, 7, dtype=torch.complex64), r"complex64 values"),
    ],
)
def test_layouts_that_tensors_must_not_have(tensor, words):
    with pytest.raises(ImageError, match=words):
        read_image(tensor)
