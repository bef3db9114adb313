"""Drop-in for `segment_anything_hq`, HQ-SAM's own package: `samara.segment_anything` under its names.

    from samara.segment_anything_hq import SamPredictor, sam_model_registry

Networks, predictor and generator are those of `samara.segment_anything`, which support both SAM and HQ-SAM; the
registry and `modeling` are HQ-SAM's. `samara.segment_anything.install("segment_anything_hq")` installs it for programs
that cannot be edited. It differs from the original like `samara.segment_anything`; it also rejects SAM files, which
have no HQ token, instead of using a random one.
"""

from samara.segment_anything.automatic_mask_generator import SamAutomaticMaskGenerator
from samara.segment_anything.predictor import SamPredictor
from samara.segment_anything_hq.build_sam import (
    build_sam,
    build_sam_vit_b,
    build_sam_vit_h,
    build_sam_vit_l,
    build_sam_vit_t,
    sam_model_registry,
)
from samara.segment_anything_hq.build_sam_baseline import sam_model_registry_baseline

__all__ = [
    "SamAutomaticMaskGenerator",
    "SamPredictor",
    "build_sam",
    "build_sam_vit_b",
    "build_sam_vit_h",
    "build_sam_vit_l",
    "build_sam_vit_t",
    "sam_model_registry",
    "sam_model_registry_baseline",
]
