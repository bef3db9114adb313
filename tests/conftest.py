"""Fixtures that several test files share."""

from __future__ import annotations

import functools
import gc
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import samara
from samara.measurement.records import history

EXAMPLES = Path(__file__).parent.parent / "examples"
BOOTSTRAP = Path(__file__).parent / "parity" / "bootstrap.safetensors"


def pytest_collection_finish():
    """Spare the garbage collector what is there when the tests begin: each of its rounds took a third of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_history(monkeypatch, tmp_path_factory):
    """What tests measure is not remembered for the user's own recommendations; few tests measure, so few folders."""

    @functools.cache
    def home():
        return tmp_path_factory.mktemp("home")

    def store():
        return SimpleNamespace(directory=Path(os.environ.get("SAMARA_HOME") or home()))

    monkeypatch.setattr(history, "CheckpointStore", store)


@pytest.fixture(scope="session")
def mini():
    """The embedded checkpoint in float32 on the CPU, so that numbers are the same on every machine."""
    return samara.load("samara_mini", device="cpu", precision="float32")


@pytest.fixture(scope="session")
def small_mini():
    """The same at 128 px, which takes a tenth of the time, for tests that do not ask how good its masks are."""
    return samara.load("samara_mini", device="cpu", precision="float32", input_size=128)


@pytest.fixture
def small_inputs(monkeypatch):
    """Checkpoints are loaded for 128 px wherever their own size would be taken, for the same tests."""
    monkeypatch.setattr("samara.checkpoints.load.trained_size", lambda variant, entry: 128)


def load_bootstrap(input_size=512):
    """A small MobileSAM of this project, under which, at 512 px, the official code made golden masks of photos."""
    loaded = samara.load(BOOTSTRAP, device="cpu", precision="float32", input_size=input_size)
    return replace(loaded, pred_iou_thresh=0.33, stability_score_thresh=0.7)


@pytest.fixture(scope="session")
def bootstrap():
    return load_bootstrap()


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
