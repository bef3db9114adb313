"""A tiny network of the official classes, with deterministic weights."""

from __future__ import annotations

import copy

import pytest

from tests.segment_anything.compute import network

PACKAGE, HQ_PACKAGE = "samara.segment_anything", "samara.segment_anything_hq"


@pytest.fixture(scope="session")
def _networks():
    return {package: network(package) for package in (PACKAGE, HQ_PACKAGE)}


@pytest.fixture
def tiny_sam(_networks):
    """A network of its own for each test."""
    return copy.deepcopy(_networks[PACKAGE])


@pytest.fixture
def tiny_hq_sam(_networks):
    """The same with an HQ token."""
    return copy.deepcopy(_networks[HQ_PACKAGE])
