"""Whatever a decoder raises becomes one sentence."""

from __future__ import annotations

import struct

import pytest

from samara.errors import ImageError
from samara.images.failures import failures_told


@pytest.mark.parametrize("error", [KeyError("Colormap"), struct.error("short"), ZeroDivisionError("0"), OSError()])
def test_the_sentence(error):
    sentence = rf"'a.tif' cannot be decoded \({type(error).__name__}.*it is damaged"
    with pytest.raises(ImageError, match=sentence) as told, failures_told("'a.tif'"):
        raise error
    assert told.value.__cause__ is error


def test_memory_has_another_remedy():
    with pytest.raises(ImageError, match="needs more memory"), failures_told("'a.tif'"):
        raise MemoryError


def test_our_own_errors_pass():
    mine = ImageError("as it is")
    with pytest.raises(ImageError) as told, failures_told("'a.tif'"):
        raise mine
    assert told.value is mine
