"""A small network of SAM 2 in the official form, and images."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from samara.sam2.modeling.sam2_base import SAM2Base
from tests.engines.conftest import small
from tests.parity.deterministic import deterministic_state

SIDE = 128


def make_model(side=SIDE):
    """A network whose predicted IoU differs from mask to mask."""
    model = SAM2Base.from_loaded(small("sam2.1_hiera_t", side))
    model.load_state_dict(deterministic_state(model))
    with torch.no_grad():
        model.sam_mask_decoder.iou_prediction_head.layers[2].bias.copy_(torch.tensor([0.5, 0.7, 0.9, 1.1]))
    return model


@pytest.fixture(scope="session")
def _model():
    return make_model()


@pytest.fixture
def model(_model):
    """A network of its own for each test."""
    return copy.deepcopy(_model)


@pytest.fixture(scope="session")
def image():
    blocks = np.random.default_rng(0).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((10, 10, 1), np.uint8))  # (50, 80, 3)
