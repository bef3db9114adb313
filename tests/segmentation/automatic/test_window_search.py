"""The search on a CPU spares what it can."""

from __future__ import annotations

from samara.segmentation.automatic.search import Criteria
from samara.segmentation.upsampling import Upsampling
from tests.segmentation.automatic.searching import WHOLE, decoded, search


def test_what_is_surely_suppressed_is_not_upsampled(monkeypatch):
    given, criteria = decoded(60, 7), Criteria(0.0, 1.0, 0.5, 0.6)
    counted = []
    window = Upsampling.window
    monkeypatch.setattr(Upsampling, "window", lambda *given: counted.append(1) or window(*given))
    assert len(search("windows", given, WHOLE, criteria).rles) <= len(counted) < 40
