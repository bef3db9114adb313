"""Numbers to 0..255: what each type means, declared ranges, transparency."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samara.errors import ImageError
from samara.images.read import read_image


def read_values(values, dtype, **options):
    """One row of grey pixels, read."""
    rgb = read_image(np.array([values], dtype), **options)
    assert (rgb[..., 0] == rgb[..., 1]).all()
    assert (rgb[..., 0] == rgb[..., 2]).all()
    return rgb[0, :, 0].tolist()


@pytest.mark.parametrize(
    ("values", "dtype", "value_range", "expected"),
    [
        ([0, 7, 255], np.uint8, None, [0, 7, 255]),
        ([False, True], np.bool_, None, [0, 255]),
        ([False, True], np.bool_, (0, 1), [0, 255]),
        ([0, 128, 129, 4096, 65535], np.uint16, None, [0, 0, 1, 16, 255]),
        ([0, 128, 129, 4096, 65535], ">u2", None, [0, 0, 1, 16, 255]),
        ([0, 0], np.uint16, None, [0, 0]),  # black by any range
        ([0, 4095, 2048], np.uint16, (0, 4095), [0, 255, 128]),
        ([0, 300], np.uint16, (0, 65535), [0, 1]),
        ([0, 7, 255], np.int64, None, [0, 7, 255]),
        ([0, 127], np.int8, None, [0, 127]),
        ([-128, 0, 127], np.int8, (-128, 127), [0, 128, 255]),
        ([-1024, 0, 3071], np.int16, (-1024, 3071), [0, 64, 255]),
        ([0, 2**63], np.uint64, (0, 2**63), [0, 255]),
        ([0, 2**63], np.uint64, (0, 2.0**64 - 2**12), [0, 128]),
        ([0, 0.5, 1], np.float64, None, [0, 128, 255]),
        ([0, 0.25, 1], np.float32, None, [0, 64, 255]),
        ([0, 0.25, 1], ">f4", None, [0, 64, 255]),
        ([0, 0.25, 1], np.float16, None, [0, 64, 255]),
        ([0, 0.25, 1], np.longdouble, None, [0, 64, 255]),
        ([-1e-7, 1 + 1e-7], np.float64, None, [0, 255]),  # noise of resizing
        ([0, 200.0, 255], np.float32, (0, 255), [0, 200, 255]),
        ([-1, 0, 1], np.float32, (-1, 1), [0, 128, 255]),
        ([0, 1], np.uint8, (0, 1), [0, 255]),
        ([10, 20, 30], np.uint8, "auto", [0, 128, 255]),
        ([10, 10], np.uint16, "auto", [0, 0]),
        ([-5.0, 5.0], np.float32, "auto", [0, 255]),
        ([-3, 2**40], np.int64, "auto", [0, 255]),
        ([0.0, 5e-324], np.float64, "auto", [0, 255]),
        ([False, True], np.bool_, "auto", [0, 255]),
    ],
)
def test_values_become_bytes(values, dtype, value_range, expected):
    assert read_values(values, dtype, value_range=value_range) == expected


@pytest.mark.parametrize(
    ("values", "dtype", "value_range", "words"),
    [
        ([0, 4095], np.uint16, None, r"no value above 4095.*black.*value_range=\(0, 4095\).*\(0, 65535\)"),
        ([0, 4095], ">u2", None, r"value_range=\(0, 4095\)"),
        ([0, 1000], np.uint16, None, r"value_range=\(0, 1023\)"),
        ([0, 200], np.uint16, None, r"value_range=\(0, 255\)"),
        ([0, 256], np.int32, None, r"integers from 0 to 256, beyond 0\.\.255.*value_range=\(lo, hi\).*auto"),
        ([-1, 9], np.int8, None, r"integers from -1 to 9"),
        ([0, 2**63], np.uint64, None, r"integers from 0 to 9223372036854775808"),
        ([0, 200.0], np.float32, None, r"from 0 to 200, beyond 0\.\.1.*example value_range=\(0, 255\)"),
        ([-1, 1], np.float32, None, r"from -1 to 1.*example value_range=\(-1, 1\)"),
        ([-2.1, 2.6], np.float64, None, r"from -2\.1 to 2\.6.*\(lo, hi\).*auto"),
        ([0, 1.01], np.float64, None, r"1\.01, beyond 0\.\.1"),
        ([0, np.nan], np.float32, None, r"NaN or infinite.*nan_to_num"),
        ([0, np.nan], np.float16, "auto", r"NaN or infinite"),
        ([0, -np.inf], np.float64, (0, 1), r"NaN or infinite"),
        ([0, 300.0], np.float32, (0, 255), r"from 0 to 300, outside value_range=\(0, 255\).*clip"),
        ([-2000, 0], np.int16, (-1024, 3071), r"from -2000 to 0, outside value_range=\(-1024, 3071\)"),
        ([0, 200], np.uint8, (0, 4095), r"uint8 values.*cannot fill value_range=\(0, 4095\).*leave"),
        ([0, 1], np.bool_, (0, 255), r"bool values.*cannot fill"),
        ([-1e308, 1e308], np.float64, "auto", r"too far apart"),
        ([0, 1j], np.complex64, None, r"complex64 values; accepted are bool, integers and real floats"),
        ([0, None], object, None, r"object values"),
        (["a", "b"], str, None, r"<U1 values"),
        ([b"a", b"b"], bytes, None, r"S1 values"),
        ([0, 1], "M8[s]", None, r"datetime64\[s\] values"),
    ],
)
def test_values_that_would_need_a_guess(values, dtype, value_range, words):
    with pytest.raises(ImageError, match=words):
        read_image(np.array([values], dtype), value_range=value_range)


def test_messages_name_the_image():
    with pytest.raises(ImageError, match=r"^The array of shape \(1, 1\) and type float32 has values"):
        read_image(np.full((1, 1), 7, np.float32))
    with pytest.raises(ImageError, match=r"^The tensor of shape \(3, 1, 1\) and type torch.float32 has values"):
        read_image(torch.full((3, 1, 1), 7.0))


@given(hnp.arrays(np.uint16, (3, 5, 3)))
def test_sixteen_bits_are_rounded(values):
    expected = np.floor(values.astype(np.float64) / 257 + 0.5)  # 257 is odd: no ties
    np.testing.assert_array_equal(read_image(values, value_range=(0, 65535)), expected)


@given(hnp.arrays(np.uint8, (3, 5, 3)), st.sampled_from([np.float16, np.float32, np.float64]))
def test_bytes_survive_the_way_through_floats(values, dtype):
    np.testing.assert_array_equal(read_image(values.astype(dtype), value_range=(0, 255)), values)
    if dtype != np.float16:  # 11 bits are not enough to divide
        np.testing.assert_array_equal(read_image((values / 255).astype(dtype)), values)


@given(hnp.arrays(np.int16, (4, 4)))
def test_auto_uses_the_whole_range(values):
    rgb = read_image(values, value_range="auto")
    assert rgb.min() == 0
    assert rgb.max() == (255 if values.min() < values.max() else 0)
    np.testing.assert_array_equal(np.argsort(rgb[..., 0].ravel()[np.argsort(values.ravel())], kind="stable"), range(16))


def test_many_blocks_of_rows():
    values = np.random.default_rng(0).integers(0, 65536, (1200, 900), dtype=np.uint16)
    np.testing.assert_array_equal(read_image(values)[..., 1], np.floor(values / 257 + 0.5))


@given(hnp.arrays(np.uint8, (3, 5, 4)), st.tuples(*[st.integers(0, 255)] * 3))
def test_transparency_shows_the_background(rgba, background):
    alpha = rgba[..., 3:] / 255
    exact = rgba[..., :3] * alpha + np.array(background) * (1 - alpha)
    assert np.abs(read_image(rgba, background=background) - exact).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("opaque", [np.uint8(255), np.uint16(65535), np.float32(1), np.int64(255), np.bool_(True)])
def test_opaque_alpha_is_dropped(opaque):
    colours = np.array([[[0, 1, 1]]]).astype(type(opaque)) * opaque
    rgba = np.concatenate([colours, np.full((1, 1, 1), opaque)], axis=2)
    assert read_image(rgba).tolist() == [[[0, 255, 255]]]


def test_alpha_keeps_its_own_range():
    twelve_bits = np.array([[[0, 4095, 4095, 65535], [0, 0, 4095, 0]]], np.uint16)
    assert read_image(twelve_bits, value_range=(0, 4095)).tolist() == [[[0, 255, 255], [255, 255, 255]]]
    assert read_image(twelve_bits, value_range="auto").tolist() == [[[0, 255, 255], [255, 255, 255]]]


@pytest.mark.parametrize(
    "rgba",
    [
        np.full((1, 1, 4), 4095, np.uint16),
        np.full((1, 1, 4), 255, np.float32),
        np.full((1, 1, 4), 2, np.float32),
    ],
)
def test_alpha_outside_its_range_is_refused(rgba):
    with pytest.raises(ImageError, match=r"alpha channel.*range of its type.*\[\.\.\., :3\]"):
        read_image(rgba, value_range=(0, 4095))
