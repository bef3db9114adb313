"""Charts of curves as values."""

from __future__ import annotations

from samara.measurement.reporting.curve import COLOUR_NAMES, Curve, CurveChart
from samara.system.templates import PALETTE


def test_each_curve_has_a_colour_of_the_palette():
    curves = tuple(Curve(name, (0.0, 1.0), (1.0, 0.0)) for name in "abcd")
    legend = CurveChart("n", "T", "c", "x", curves).legend
    assert list(legend) == list("abcd")
    assert len(set(legend.values())) == 4
    assert set(COLOUR_NAMES) <= set(PALETTE)
