"""What bands mean, by tags alone, and pixels made of them."""

from __future__ import annotations

import numpy as np
import pytest

from samara.errors import ImageError
from samara.images.bands import bands_of
from samara.images.tiff_pages import Page

BITS, MODEL, SAMPLES, EXTRA, PALETTE, NOTES, NODATA = 258, 262, 277, 338, 320, 42112, 42113
BLACK_IS_ZERO, RGB = 1, 2


def page(model, samples, *extra, bits=8, **more):
    tags = {BITS: (bits,) * samples, MODEL: (model,), SAMPLES: (samples,), EXTRA: extra}
    return Page(0, tags | {{"notes": NOTES, "nodata": NODATA}[name]: text for name, text in more.items()})


def notes(*colours):
    items = (
        f'<Item name="COLORINTERP" sample="{at}" role="colorinterp">{colour}</Item>'
        for at, colour in enumerate(colours)
    )
    return f"<GDALMetadata>{''.join(items)}</GDALMetadata>"


@pytest.mark.parametrize(
    ("stated", "colours", "alpha"),
    [
        (page(BLACK_IS_ZERO, 1), (0,), None),
        (page(BLACK_IS_ZERO, 2, 0), (0,), None),
        (page(BLACK_IS_ZERO, 2, 2), (0,), 1),
        (page(BLACK_IS_ZERO, 3, 0, 0), (0, 1, 2), None),
        (page(BLACK_IS_ZERO, 4, 0, 0, 2), (0, 1, 2), 3),
        (page(RGB, 3), (0, 1, 2), None),
        (page(RGB, 4), (0, 1, 2), 3),
        (page(RGB, 4, 0), (0, 1, 2), None),
        (page(RGB, 4, 2), (0, 1, 2), 3),
        (page(RGB, 5, 0, 1), (0, 1, 2), 4),
        (page(BLACK_IS_ZERO, 3, 0, 0, notes=notes("Blue", "Green", "Red")), (2, 1, 0), None),
        (page(BLACK_IS_ZERO, 5, 0, 0, 0, 0, notes=notes("NIR", "Red", "Green", "Blue", "Alpha")), (1, 2, 3), 4),
        (page(BLACK_IS_ZERO, 3, 0, 0, notes=notes("Gray", "Undefined")), (0, 1, 2), None),
    ],
)
def test_the_tags_decide(stated, colours, alpha):
    bands = bands_of(stated, "'a.tif'")
    assert (bands.colours, bands.alpha) == (colours, alpha)


@pytest.mark.parametrize("samples", [4, 8, 13])
def test_bands_that_nothing_is_said_of_are_not_guessed(samples):
    with pytest.raises(ImageError, match=rf"has {samples} bands and does not say.*gdal_translate"):
        bands_of(page(BLACK_IS_ZERO, samples, *(0,) * (samples - 1), bits=16), "'a.tif'")


def test_colour_models_that_must_be_converted():
    assert bands_of(page(5, 4), "'a.tif'") is None


def test_nodata():
    assert bands_of(page(BLACK_IS_ZERO, 1, nodata="-9999"), "").nodata == -9999
    assert np.isnan(bands_of(page(BLACK_IS_ZERO, 1, nodata="nan"), "").nodata)
    assert bands_of(page(BLACK_IS_ZERO, 1, nodata="none"), "").nodata is None


def test_pixels():
    values = np.array([[[10, 128], [200, 0], [7, 255]]], np.uint8)
    associated = bands_of(page(BLACK_IS_ZERO, 2, 1), "").pixels(values)
    assert associated[0].tolist() == [[19, 19, 19, 128], [0, 0, 0, 0], [7, 7, 7, 255]]
    inverted = bands_of(page(0, 1, bits=2), "").pixels(np.arange(4, dtype=np.uint8).reshape(1, 4, 1))
    assert inverted.tolist() == [[255, 170, 85, 0]]
