"""The smallest kernel."""

from __future__ import annotations

import pytest

pytest.importorskip("triton")


def test_it_works(device):
    from samara.kernels.trial import works

    assert works(device)
