"""Images joined: sizes, captions, rows."""

import numpy as np

from samara.masks.drawing.sheet import captioned, contact_sheet, shrunk, side_by_side


def plain(height, width, value=100):
    return np.full((height, width, 3), value, np.uint8)


def test_captions_are_written_above():
    image = captioned(plain(100, 200), "answer 1 of 3")
    above = image.shape[0] - 100
    assert image.shape[1] == 200
    assert (image[above:] == 100).all()
    assert image[:above].min() < 80
    assert image[:above].max() == 255
    assert captioned(plain(5, 3), "longer than the image").shape[1] == 3


def test_side_by_side():
    row = side_by_side([plain(50, 40, 1), plain(30, 60, 2)])
    assert row.shape == (50, 40 + 8 + 60, 3)
    assert (row[:, :40] == 1).all()
    assert (row[:30, 48:] == 2).all()
    assert (row[30:, 48:] == 255).all()
    assert side_by_side([plain(3000, 2000)]).shape == (1600, 1067, 3)
    assert shrunk(plain(10, 20), 100).shape == (10, 20, 3)


def test_contact_sheet():
    sheet = contact_sheet([plain(20, 40, value) for value in (1, 2, 3)], columns=2)
    assert sheet.shape == (48, 88, 3)
    assert [int(sheet[y, x, 0]) for y in (10, 38) for x in (20, 68)] == [1, 2, 3, 255]
