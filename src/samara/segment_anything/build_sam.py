"""The official registry: variant name → function that builds a `Sam`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from samara.checkpoints.catalogue import find
from samara.checkpoints.identify import identify
from samara.checkpoints.load import load, runnable_variant, trained_size
from samara.errors import WrongCheckpoint
from samara.segment_anything.sam import Sam
from samara.variants import VARIANTS


def _build(name: str, checkpoint: str | os.PathLike[str] | None = None, *, hq_token_only: bool = False) -> Sam:
    """Build a catalogue entry's network on the CPU, in eval mode.

    Args:
        name: catalogue name.
        checkpoint: file with the weights. Without one they are random, as in the official package, except that
            `samara_mini` has its own at hand.
        hq_token_only: HQ-SAM: give the HQ mask alone instead of its sum with SAM's.

    Raises:
        WrongCheckpoint: the file holds another variant.
        SettingsError: `hq_token_only` of a variant that has no HQ token.
    """
    entry = find(name)
    if checkpoint is None:
        weights: Literal["file", "random"] = "file" if entry.embedded else "random"
        return Sam(load(name, device="cpu", precision="float32", weights=weights, hq_token_only=hq_token_only))
    identity = identify(checkpoint)
    variant = runnable_variant(identity)
    if variant.name != entry.variant:
        keys = [key for key, known in _REGISTERED.items() if find(known).variant == identity.variant]
        fitting = " or ".join(f"sam_model_registry[{key!r}]" for key in keys) or "samara.load, which takes it"
        raise WrongCheckpoint(
            f"{checkpoint}: {identity.description}, not {VARIANTS[entry.variant].title}; use {fitting}"
        )
    loaded = load(
        Path(checkpoint),
        device="cpu",
        precision="float32",
        input_size=trained_size(variant, entry),
        hq_token_only=hq_token_only,
    )
    return Sam(loaded)


_REGISTERED = {
    "default": "sam_vit_h",
    "vit_h": "sam_vit_h",
    "vit_l": "sam_vit_l",
    "vit_b": "sam_vit_b",
    "vit_t": "mobile_sam",
    "samara_mini": "samara_mini",
    "hq_vit_h": "sam_hq_vit_h",
    "hq_vit_l": "sam_hq_vit_l",
    "hq_vit_b": "sam_hq_vit_b",
    "hq_vit_t": "sam_hq_vit_tiny",
}

sam_model_registry: dict[str, Callable[..., Sam]] = {key: partial(_build, name) for key, name in _REGISTERED.items()}

build_sam = build_sam_vit_h = sam_model_registry["vit_h"]
build_sam_vit_l = sam_model_registry["vit_l"]
build_sam_vit_b = sam_model_registry["vit_b"]
build_sam_vit_t = sam_model_registry["vit_t"]
build_samara_mini = sam_model_registry["samara_mini"]
