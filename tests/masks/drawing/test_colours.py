"""Colours: far apart for neighbours, and legible text on each."""

import numpy as np

from samara.masks.drawing.colours import colour, ink_on


def test_colours_of_neighbours_differ():
    colours = np.array([colour(index) for index in range(200)], dtype=float)
    assert np.abs(np.diff(colours, axis=0)).sum(axis=1).min() > 100
    assert len({colour(index) for index in range(60)}) == 60


def test_ink_is_legible():
    assert ink_on((255, 255, 0)) == (0, 0, 0)
    assert ink_on((0, 0, 255)) == (255, 255, 255)
