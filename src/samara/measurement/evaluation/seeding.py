"""Random numbers that belong to an object: the same in any order, and whatever else is in the file."""

from __future__ import annotations

import hashlib

import numpy as np

from samara.masks.rle import Rle


def generator_of(seed: int, *identity: str | bytes) -> np.random.Generator:
    """Make the generator that belongs to a seed and an identity."""
    digest = hashlib.sha256(str(seed).encode())
    for part in identity:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))  # so that ("ab", "c") is not ("a", "bc")
        digest.update(data)
    return np.random.default_rng(int.from_bytes(digest.digest()[:16], "big"))


def generator_of_object(seed: int, image: str, truth: Rle, purpose: str) -> np.random.Generator:
    """Make the generator of one object: of its image's name, its mask, and what is drawn."""
    return generator_of(seed, image, truth.counts, purpose)
