"""What is for videos is imported as ever, and says at its first use that samara is for images."""

from __future__ import annotations

import pytest

from samara.errors import SamaraError
from samara.sam2 import build_sam
from samara.sam2.sam2_video_predictor import SAM2VideoPredictor
from samara.sam2.videos import VideosNotSupported

CALLS = {
    "build_sam2_video_predictor": lambda: build_sam.build_sam2_video_predictor("sam2.1_hiera_t.yaml", "file.pt"),
    "build_sam2_video_predictor_hf": lambda: build_sam.build_sam2_video_predictor_hf("facebook/sam2.1-hiera-tiny"),
    "SAM2VideoPredictor": lambda: SAM2VideoPredictor(fill_hole_area=8),
    "SAM2VideoPredictor.from_pretrained": lambda: SAM2VideoPredictor.from_pretrained("facebook/sam2-hiera-tiny"),
}


@pytest.mark.parametrize("name", CALLS)
def test_one_error_says_so(name):
    with pytest.raises(VideosNotSupported, match=rf"{name.split('.')[0]} is for videos.*on images only") as raised:
        CALLS[name]()
    assert isinstance(raised.value, (SamaraError, NotImplementedError))
