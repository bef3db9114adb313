"""Programs that import `segment_anything` find samara, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

from samara.errors import SettingsError
from samara.segment_anything import install

PROGRAM = """
import segment_anything
from segment_anything import SamPredictor, sam_model_registry, SamAutomaticMaskGenerator
from segment_anything.modeling import Sam, ImageEncoderViT
from segment_anything.modeling.image_encoder import Block, window_partition
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.utils.amg import MaskData, mask_to_rle_pytorch
from segment_anything.utils.onnx import SamOnnxModel
from segment_anything.utils.transforms import ResizeLongestSide
from segment_anything.build_sam import _build_sam
import samara.segment_anything.modeling as ours
assert Sam is ours.Sam or {copied}
assert isinstance(sam_model_registry["vit_t"](), Sam) or {copied}
print(SamPredictor.__module__)
"""
INSTALLED = """
for name in [name for name in sys.modules if name.split(".")[0] == "segment_anything"]:
    del sys.modules[name]
samara.segment_anything.install()
samara.segment_anything.install()
"""
ALIASED = "import sys, samara.segment_anything; sys.modules['segment_anything'] = samara.segment_anything\n"
HQ_PROGRAM = """
samara.segment_anything.install("segment_anything_hq")
from segment_anything_hq import SamPredictor, sam_model_registry, sam_model_registry_baseline
from segment_anything_hq.modeling import MaskDecoderHQ
from segment_anything_hq.utils.onnx import SamOnnxModel
from segment_anything_hq.build_sam import build_sam_vit_t
assert isinstance(sam_model_registry["vit_tiny"]().mask_decoder, MaskDecoderHQ)
"""
SAM2_PROGRAM = """
samara.segment_anything.install("sam2")
from sam2.build_sam import build_sam2, build_sam2_video_predictor
from sam2.sam2_image_predictor import SAM2ImagePredictor
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.modeling.sam2_base import SAM2Base
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.backbones.hieradet import Hiera
from sam2.sam2_video_predictor import SAM2VideoPredictor
from sam2.utils.transforms import SAM2Transforms
from sam2.utils.amg import rle_to_mask
import samara.sam2.modeling.sam2_base as ours_2
assert SAM2Base is ours_2.SAM2Base
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_programs_run():
    """First by an alias made by hand (submodules are imported a second time then, but work), then installed."""
    by_hand, installed = (
        ALIASED + PROGRAM.format(copied=True),
        INSTALLED + PROGRAM.format(copied=False) + HQ_PROGRAM + SAM2_PROGRAM,
    )
    assert run(by_hand + installed).split() == ["samara.segment_anything.predictor"] * 2


def test_too_late_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "segment_anything", types.ModuleType("segment_anything"))
    with pytest.raises(SettingsError, match="already imported from elsewhere"):
        install()


def test_other_packages_have_no_stand_in():
    with pytest.raises(SettingsError, match="only for segment_anything, segment_anything_hq, sam2"):
        install("sam3")
