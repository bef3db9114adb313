"""The drop-in computes what the official packages compute: compared with their numbers, and live where they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.segment_anything.compute import SETTINGS, compute

OFFICIAL = json.loads((Path(__file__).parent / "numbers.json").read_text())


@pytest.fixture(scope="module", params=list(OFFICIAL))
def package(request):
    return request.param


@pytest.fixture(scope="module")
def ours(package):
    return compute(f"samara.{package}")


@pytest.mark.parametrize("kind", ["predict", "forward", "functions", "onnx"])
def test_numbers_are_the_official_ones(package, ours, kind):
    check(ours[kind], OFFICIAL[package][kind], kind)


@pytest.mark.parametrize("settings", SETTINGS)
def test_automatic_masks_are_the_official_ones(package, ours, settings):
    found, wanted = ours["generate"][settings], OFFICIAL[package]["generate"][settings]
    assert len(found) == len(wanted) > 0
    for one, other in zip(found, wanted, strict=True):
        check(one[1:], other[1:], settings)
        assert abs(one[0] - other[0]) <= 2  # a pixel on the very threshold


def test_the_numbers_are_those_of_the_official_package(package):
    pytest.importorskip(package, reason="the official package is not installed")
    check(compute(package), OFFICIAL[package], package)


def check(found, wanted, where):
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), where
        for key, value in wanted.items():
            check(found[key], value, f"{where}: {key}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), where
        for index, value in enumerate(wanted):
            check(found[index], value, f"{where}[{index}]")
    elif isinstance(wanted, float):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=2e-4, err_msg=where)
    else:
        assert found == wanted, where
