"""Fixtures that several test files share."""

from __future__ import annotations

from pathlib import Path

import pytest

import samara

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="session")
def mini():
    """The embedded checkpoint in float32 on the CPU, so that numbers are the same on every machine."""
    return samara.load("samara_mini", device="cpu", precision="float32")


@pytest.fixture(scope="session")
def predictor(mini):
    return samara.Predictor(mini)


@pytest.fixture(scope="session")
def truck():
    return EXAMPLES / "truck.jpg"


@pytest.fixture(scope="session")
def truck_embedding(predictor, truck):
    return predictor.embed(truck)


@pytest.fixture(scope="session")
def dog():
    return EXAMPLES / "dog.jpg"
