"""What `sam2` offers for images, as data: modules, names and arguments.

`python -m tests.sam2.describe > tests/sam2/official.json`, where the official package is installed, writes the file
that the default tests compare with.
"""

from __future__ import annotations

import importlib
import json
import sys

from tests.segment_anything.describe import _defined

MODULES = (
    "automatic_mask_generator",
    "build_sam",
    "modeling.backbones.image_encoder",
    "modeling.position_encoding",
    "modeling.sam.mask_decoder",
    "modeling.sam.prompt_encoder",
    "modeling.sam2_base",
    "sam2_image_predictor",
    "utils.amg",
    "utils.transforms",
)

# Constructors of parts, which Hydra calls there; methods that make a network from parts or follow an object in a video.
LEFT_OUT = {
    "modeling.backbones.image_encoder.FpnNeck.__init__",
    "modeling.position_encoding.PositionEmbeddingSine.__init__",
    "modeling.sam.mask_decoder.MaskDecoder.__init__",
    *(
        f"modeling.position_encoding.PositionEmbeddingSine.{name}"
        for name in ("encode", "encode_boxes", "encode_points")
    ),
    *(f"modeling.position_encoding.{name}" for name in ("apply_rotary_enc", "compute_axial_cis", "init_t_xy")),
    "modeling.position_encoding.reshape_for_broadcast",
    *(f"modeling.sam2_base.{name}" for name in ("MLP", "MaskDecoder", "PromptEncoder", "TwoWayTransformer")),
    *(f"modeling.sam2_base.{name}" for name in ("get_1d_sine_pe", "select_closest_cond_frames")),
    "modeling.sam2_base.SAM2Base.__init__",
    "modeling.sam2_base.SAM2Base.track_step",
}
# Names with an underscore that programs use.
PRIVATE = {"_predict", "_prep_prompts", "_prepare_backbone_features", "_process_batch", "_process_crop"}


def describe(package="sam2"):
    """Modules by their names below the package, each with the names that it has here too, and their arguments."""
    return {name: _kept(name, _defined(importlib.import_module(f"{package}.{name}"))) for name in MODULES}


def _kept(path, names):
    kept = {}
    for name, value in names.items():
        is_ours = not name.startswith("_") or name in {"__init__", *PRIVATE}
        if is_ours and f"{path}.{name}" not in LEFT_OUT:
            kept[name] = _kept(f"{path}.{name}", value) if isinstance(value, dict) else value
    return kept


if __name__ == "__main__":
    json.dump(describe(), sys.stdout, sort_keys=True, separators=(",", ":"))
