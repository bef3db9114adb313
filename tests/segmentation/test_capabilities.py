"""What a checkpoint does not support is refused, and the families that do are named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from samara.errors import PromptError
from samara.networks.variant import Capabilities
from samara.networks.variants import VARIANTS
from samara.segmentation.capabilities import check_capabilities, check_everything
from samara.segmentation.prompts import Prompt

MOBILE_SAM = VARIANTS["vit_t"]


@pytest.mark.parametrize(
    ("capabilities", "prompt", "message"),
    [
        ({"points": False}, Prompt([5, 5]), "MobileSAM cannot take points; SAM, MobileSAM, HQ-SAM, SAM 2"),
        ({"negative_points": False}, Prompt([5, 5], [0]), "cannot take background points"),
        ({"boxes": False}, Prompt(box=[1, 1, 5, 5]), "cannot take boxes"),
        ({"mask_input": False}, Prompt(mask_logits=np.zeros((64, 64))), "cannot take mask logits"),
        ({"max_points": 2}, Prompt([[5, 5], [6, 6], [7, 7]]), "cannot take 3 points for one object"),
    ],
)
def test_what_a_checkpoint_cannot_take_is_refused(capabilities, prompt, message):
    check_capabilities(prompt, MOBILE_SAM)
    less = dataclasses.replace(MOBILE_SAM, capabilities=Capabilities(**capabilities))
    with pytest.raises(PromptError, match=message):
        check_capabilities(prompt, less)


def test_everything_is_refused_where_boxes_alone_are_answered():
    check_everything(MOBILE_SAM)
    with pytest.raises(PromptError, match=r"LiteMedSAM answers boxes alone.*; give boxes, or use SAM, MobileSAM"):
        check_everything(VARIANTS["lite_medsam"])
