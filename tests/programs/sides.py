"""The two sides of a comparison: the original packages, and samara in their place.

A program imports `segment_anything`, `mobile_sam`, `segment_anything_hq` or `sam2`; on the drop-in's side these names
are `samara.segment_anything`, `samara.segment_anything_hq` and `samara.sam2`, submodules too. Nothing in a program is
changed.

Both registries then build samara_mini, whose architecture is MobileSAM's at 512 pixels, under every name: the masks are
those of trained weights, and a program that only knows ViT-H runs in seconds.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from functools import partial

REPLACED = {
    "segment_anything": "samara.segment_anything",
    "mobile_sam": "samara.segment_anything",
    "segment_anything_hq": "samara.segment_anything_hq",
    "sam2": "samara.sam2",
}


def replace():
    """Put samara's modules under the original's names, each the very same module, submodules too."""
    for name, own in REPLACED.items():
        package = importlib.import_module(own)
        found = [module.name for module in pkgutil.walk_packages(package.__path__, f"{own}.")]
        for module in [own, *found]:
            sys.modules[name + module.removeprefix(own)] = importlib.import_module(module)


def choose(side, own):
    """Make the packages' names mean the original or samara, and every registered name samara_mini.

    Args:
        side: "official" or "samara".
        own: file with samara_mini's weights.

    Returns:
        The registry of `segment_anything` as the package has it.
    """
    if side == "samara":
        replace()
    import mobile_sam

    import segment_anything

    genuine = dict(segment_anything.sam_model_registry)
    official = partial(importlib.import_module("official_mini").build, own) if side == "official" else None
    build = official or genuine["samara_mini"]
    for package in (segment_anything, mobile_sam):
        for name in ("default", "vit_h", "vit_l", "vit_b", "vit_t"):
            package.sam_model_registry[name] = build
    return genuine
