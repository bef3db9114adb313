"""A checkpoint that is sure of many masks, at a size that takes little time."""

from __future__ import annotations

import pytest

from tests.conftest import load_bootstrap


@pytest.fixture(scope="session")
def bootstrap_128():
    return load_bootstrap(128)
