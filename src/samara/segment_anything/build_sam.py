"""The official registry: variant name → function that builds a `Sam`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from samara.checkpoints.catalogue import find
from samara.checkpoints.identify import identify
from samara.checkpoints.load import load, runnable_variant
from samara.errors import WrongCheckpoint
from samara.segment_anything.sam import Sam
from samara.variants import VARIANTS


def _build(name: str, checkpoint: str | os.PathLike[str] | None = None) -> Sam:
    """Build a catalogue entry's network on the CPU, in eval mode.

    Args:
        name: catalogue name.
        checkpoint: file with the weights. Without one they are random, as in the official package, except that
            `samara_mini` has its own at hand.

    Raises:
        WrongCheckpoint: the file holds another variant.
    """
    entry = find(name)
    if checkpoint is None:
        random = not entry.embedded
        return Sam(load(name, device="cpu", precision="float32", weights="random" if random else "file"))
    identity = identify(checkpoint)
    if runnable_variant(identity).name != entry.variant:
        fitting = ", ".join(repr(key) for key, known in _REGISTERED.items() if find(known).variant == identity.variant)
        raise WrongCheckpoint(
            f"{checkpoint}: {identity.description}, not {VARIANTS[entry.variant].title}; "
            f"use sam_model_registry[{fitting}]"
        )
    return Sam(load(Path(checkpoint), device="cpu", precision="float32", input_size=entry.input_size))


_REGISTERED = {
    "default": "sam_vit_h",
    "vit_h": "sam_vit_h",
    "vit_l": "sam_vit_l",
    "vit_b": "sam_vit_b",
    "vit_t": "mobile_sam",
    "samara_mini": "samara_mini",
}

sam_model_registry: dict[str, Callable[..., Sam]] = {key: partial(_build, name) for key, name in _REGISTERED.items()}

build_sam = build_sam_vit_h = sam_model_registry["vit_h"]
build_sam_vit_l = sam_model_registry["vit_l"]
build_sam_vit_b = sam_model_registry["vit_b"]
build_sam_vit_t = sam_model_registry["vit_t"]
build_samara_mini = sam_model_registry["samara_mini"]
