"""Drop-in for the official `segment_anything` package: the same names, signatures and results.

    from samara.segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry

Differs from Meta, on purpose:
* a file is identified by its content: a wrong variant, a truncated download or a web page is one clear sentence, and
  weights are loaded before `eval()`, safely, and on whatever device there is;
* prompts and pictures are validated; a float picture or an alpha channel is never converted silently;
* automatic masks take a fraction of the memory, boxes are COCO-exact (width = x1 − x0), no score is NaN, and an image
  without masks gives an empty list;
* `Sam.forward` lets gradients through in training mode;
* the registry also knows "vit_t" (MobileSAM), "samara_mini", whose file is part of this package, and HQ-SAM as
  "hq_vit_h", "hq_vit_l", "hq_vit_b" and "hq_vit_t". HQ-SAM gives one mask where three are asked for, as in its own
  package; `sam_model_registry["hq_vit_b"](checkpoint, hq_token_only=True)` gives the HQ mask without SAM's.
"""

from samara.segment_anything.automatic_mask_generator import SamAutomaticMaskGenerator
from samara.segment_anything.build_sam import (
    build_sam,
    build_sam_vit_b,
    build_sam_vit_h,
    build_sam_vit_l,
    build_sam_vit_t,
    build_samara_mini,
    sam_model_registry,
)
from samara.segment_anything.predictor import SamPredictor
from samara.segment_anything.sam import Sam

__all__ = [
    "Sam",
    "SamAutomaticMaskGenerator",
    "SamPredictor",
    "build_sam",
    "build_sam_vit_b",
    "build_sam_vit_h",
    "build_sam_vit_l",
    "build_sam_vit_t",
    "build_samara_mini",
    "sam_model_registry",
]
