"""EfficientViT-SAM takes prompts in a larger square than its network's input; what it shares: test_families.py.

Values: tests/parity/test_efficientvit_networks.py.
"""

from __future__ import annotations

import numpy as np
import pytest

import samara
from samara.errors import PromptError
from tests.engines.conftest import small
from tests.segmentation.test_families import noise


@pytest.fixture(scope="module")
def loaded():
    return small("efficientvit_sam_l0", 64)


@pytest.fixture(scope="module")
def image():
    return noise()


def test_a_mask_prompt_is_on_the_grid_of_low_res_logits(loaded, image):
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(image)
    first = predictor.predict(embedding, points=[40, 30], multimask=False)
    assert first.low_res_logits.shape == (1, 32, 32)
    again = predictor.predict(embedding, points=[40, 30], mask_logits=first.low_res_logits[0], multimask=False)
    assert not np.allclose(again.low_res_logits, first.low_res_logits, atol=1e-3)
    with pytest.raises(PromptError, match="mask logits must be 32 × 32"):
        predictor.predict(embedding, points=[40, 30], mask_logits=np.zeros((16, 16), np.float32))


def test_automatic_points_are_those_of_the_frame(loaded):
    """32 along each side of 1024, whatever the network sees."""
    assert samara.AutomaticSettings().for_checkpoint(loaded).points_per_side == 4
