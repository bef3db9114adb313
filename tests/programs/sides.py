"""The two sides of a comparison: the original packages, and samara in their place.

A program imports `segment_anything`, `mobile_sam` or `segment_anything_hq`; on the drop-in's side these names are
`samara.segment_anything` and `samara.segment_anything_hq`, submodules too. Nothing in a program is changed.

Both registries then build samara_mini, whose architecture is MobileSAM's at 512 pixels, under every name: the masks are
those of trained weights, and a program that only knows ViT-H runs in seconds.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from functools import partial

REPLACED = {
    "segment_anything": "samara.segment_anything",
    "mobile_sam": "samara.segment_anything",
    "segment_anything_hq": "samara.segment_anything_hq",
}


class Aliases(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `segment_anything.x` as the very module `samara.segment_anything.x`."""

    def find_spec(self, name, path=None, target=None):
        package, dot, rest = name.partition(".")
        if package not in REPLACED:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True, origin=REPLACED[package] + dot + rest)

    def create_module(self, spec):
        own = importlib.import_module(spec.origin)
        self.own_spec = own.__spec__  # the import system writes its own over it
        return own

    def exec_module(self, module):
        module.__spec__ = self.own_spec


def choose(side, own):
    """Make the packages' names mean the original or samara, and every registered name samara_mini.

    Args:
        side: "official" or "samara".
        own: file with samara_mini's weights.

    Returns:
        The registry of `segment_anything` as the package has it.
    """
    if side == "samara":
        sys.meta_path.insert(0, Aliases())
    import mobile_sam

    import segment_anything

    genuine = dict(segment_anything.sam_model_registry)
    official = partial(importlib.import_module("official_mini").build, own) if side == "official" else None
    build = official or genuine["samara_mini"]
    for package in (segment_anything, mobile_sam):
        for name in ("default", "vit_h", "vit_l", "vit_b", "vit_t"):
            package.sam_model_registry[name] = build
    return genuine
