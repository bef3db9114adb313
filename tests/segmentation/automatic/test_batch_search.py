"""The search on an accelerator does not keep the host waiting."""

from __future__ import annotations

import pytest
import torch

from samara.masks import stability
from samara.segmentation.automatic.batch_search import BatchSearch
from samara.segmentation.automatic.search import Criteria
from tests.segmentation.automatic.searching import WHOLE, decoded


def test_a_search_on_a_device_copies_to_the_host_only_in_the_end(monkeypatch):
    """Until then the host can run ahead of the device."""
    given = decoded(30, 7)
    found = BatchSearch(WHOLE, Criteria(0.0, 1.0, 0.5, 0.6))
    with monkeypatch.context() as patched:
        patched.setattr(stability, "_count_above_one_by_one", stability._count_above_in_groups)  # as on a device
        for name in ("cpu", "item", "tolist", "numpy", "nonzero", "__bool__", "__int__", "__float__"):
            patched.setattr(torch.Tensor, name, lambda *_: pytest.fail("waits for the device"))
        found.add(given, 0)
        found.add(given, 10)
    assert len(found.survivors().rles) > 1
