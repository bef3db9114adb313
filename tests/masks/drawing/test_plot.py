"""Plots: on given axes, or on a new figure; and without matplotlib."""

import numpy as np
import pytest

from samara.errors import MissingExtra, SettingsError
from samara.masks.drawing.plot import plotted
from tests.masks.test_mask_set import OTHER, WHOLE, mask_set

pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def without_a_screen(monkeypatch):
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


def test_masks_are_plotted_on_given_axes_or_new_ones():
    masks = mask_set([WHOLE, OTHER])
    figure, axes = pyplot.subplots()
    image = np.full((20, 30, 3), 100, np.uint8)
    assert masks.plot(image, axes=axes) is axes
    shown = axes.images[0].get_array()
    assert shown.shape == (20, 30, 3)
    assert (shown != 100).any(axis=2)[WHOLE].all()
    other = masks.plot()
    assert other.figure is not figure
    with pytest.raises(SettingsError, match="shape"):
        masks.plot(image[:5])


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"samara\[report\]"):
        plotted(np.zeros((2, 2, 3), np.uint8))
