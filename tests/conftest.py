"""Fixtures that several test files share."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import samara
from samara.measurement.records import history

EXAMPLES = Path(__file__).parent.parent / "examples"
BOOTSTRAP = Path(__file__).parent / "parity" / "bootstrap.safetensors"


@pytest.fixture(autouse=True)
def own_history(monkeypatch, tmp_path_factory):
    """What tests measure is not remembered for the user's own recommendations."""
    place = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(
        history, "CheckpointStore", lambda: SimpleNamespace(directory=Path(os.environ.get("SAMARA_HOME", place)))
    )


@pytest.fixture(scope="session")
def mini():
    """The embedded checkpoint in float32 on the CPU, so that numbers are the same on every machine."""
    return samara.load("samara_mini", device="cpu", precision="float32")


def load_bootstrap():
    """A small MobileSAM of this project, at 512 px, under which the official code made golden masks of photos."""
    loaded = samara.load(BOOTSTRAP, device="cpu", precision="float32", input_size=512)
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
