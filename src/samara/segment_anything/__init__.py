"""Drop-in for the official `segment_anything` package: the same names, signatures and results.

    from samara.segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry

Its submodules are here too (`modeling`, `utils.amg`, `utils.onnx`, `utils.transforms`, `build_sam`, `predictor`,
`automatic_mask_generator`), and `install` lets programs that cannot be edited find all of it as `segment_anything`.

Intentional differences from Meta's package:
* files are identified by content, so a wrong variant, a truncated download or a web page raises one clear error;
  weights are loaded safely, before `eval()`, and on any available device;
* float images and alpha channels are never converted silently; prompts are accepted as in the original, except NaN and
  points without labels;
* automatic masks take a fraction of the memory, boxes are COCO-exact (width = x1 − x0), no score is NaN, and an image
  without masks returns an empty list; settings may be changed later;
* 16-bit networks and `torch.autocast` work, with prompt positions in full precision;
* `Sam.forward` supports gradients in training mode;
* the registry also has "vit_t" (MobileSAM), "samara_mini", whose file is part of this package, and HQ-SAM as
  "hq_vit_h", "hq_vit_l", "hq_vit_b" and "hq_vit_t"; `sam_hq_model_registry` has HQ-SAM under the names of its own
  package, whose drop-in is `samara.segment_anything_hq`.
"""

from samara.segment_anything.automatic_mask_generator import SamAutomaticMaskGenerator
from samara.segment_anything.build_sam import (
    build_sam,
    build_sam_hq,
    build_sam_hq_vit_b,
    build_sam_hq_vit_h,
    build_sam_hq_vit_l,
    build_sam_hq_vit_t,
    build_sam_vit_b,
    build_sam_vit_h,
    build_sam_vit_l,
    build_sam_vit_t,
    build_samara_mini,
    sam_hq_model_registry,
    sam_model_registry,
)
from samara.segment_anything.modeling.sam import Sam
from samara.segment_anything.predictor import SamPredictor
from samara.segment_anything.stand_in import install

__all__ = [
    "Sam",
    "SamAutomaticMaskGenerator",
    "SamPredictor",
    "build_sam",
    "build_sam_hq",
    "build_sam_hq_vit_b",
    "build_sam_hq_vit_h",
    "build_sam_hq_vit_l",
    "build_sam_hq_vit_t",
    "build_sam_vit_b",
    "build_sam_vit_h",
    "build_sam_vit_l",
    "build_sam_vit_t",
    "build_samara_mini",
    "install",
    "sam_hq_model_registry",
    "sam_model_registry",
]
