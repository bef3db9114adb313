"""Normalisation constants stored with the weights by some training scripts: `pixel_mean` and `pixel_std`.

The official network has fixed constants. A file with different ones was trained with those, so they are used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from samara.networks.variants import Variant

if TYPE_CHECKING:
    from torch import Tensor

NAMES = ("pixel_mean", "pixel_std")
_SAME = 1e-2  # on the 0..255 scale; smaller differences are rounding


class OddNormalisationError(ValueError):
    """The file's constants are not a valid normalisation; the message is a clause."""


def with_stored_normalisation(variant: Variant, stored: Mapping[str, Tensor]) -> Variant:
    """Return a variant with a file's normalisation constants.

    Args:
        variant: the file's variant.
        stored: tensors of these names; may be empty.

    Returns:
        The same variant if the constants agree. Constants of at most 1 are for images in 0..1 and are
        scaled to 0..255.

    Raises:
        OddNormalisationError: they are not three finite numbers each, or a deviation is not positive.
    """
    own = variant.preprocessing
    mean, std = (_three(stored[name], name) if name in stored else None for name in NAMES)
    if std is not None and min(std) <= 0:
        raise OddNormalisationError(f"its pixel_std is {_text(std)}, but deviations must be positive")
    if mean is not None and std is not None and max(map(abs, (*mean, *std))) <= 1:
        mean, std = _scaled(mean), _scaled(std)
    mean, std = mean or own.mean, std or own.std
    if all(math.isclose(a, b, abs_tol=_SAME) for a, b in zip((*mean, *std), (*own.mean, *own.std), strict=True)):
        return variant
    return replace(variant, preprocessing=replace(own, mean=mean, std=std))


def normalisation_note(variant: Variant, usual: Variant) -> str:
    """Describe the file's own constants; empty if they are the usual ones."""
    own = variant.preprocessing
    if (own.mean, own.std) == (usual.preprocessing.mean, usual.preprocessing.std):
        return ""
    return f"normalises with mean {_text(own.mean)} and standard deviation {_text(own.std)}"


def _three(tensor: Tensor, name: str) -> tuple[float, float, float]:
    numbers = [float(number) for number in tensor.flatten()[:4]]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise OddNormalisationError(f"its {name} is not three finite numbers")
    return numbers[0], numbers[1], numbers[2]


def _scaled(numbers: tuple[float, float, float]) -> tuple[float, float, float]:
    return 255 * numbers[0], 255 * numbers[1], 255 * numbers[2]


def _text(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:.6g}" for number in numbers)
