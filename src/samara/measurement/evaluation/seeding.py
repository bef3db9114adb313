"""Random numbers per object, independent of order and of other content of the file."""

from __future__ import annotations

import hashlib

import numpy as np

from samara.masks.rle import Rle


def generator_of(seed: int, *identity: str | bytes) -> np.random.Generator:
    """Create the generator for a seed and an identity."""
    digest = hashlib.sha256(str(seed).encode())
    for part in identity:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))  # so that ("ab", "c") differs from ("a", "bc")
        digest.update(data)
    return np.random.default_rng(int.from_bytes(digest.digest()[:16], "big"))


def generator_of_object(seed: int, image: str, truth: Rle, purpose: str) -> np.random.Generator:
    """Create the generator of one object from its image's name, its mask, and the purpose."""
    return generator_of(seed, image, truth.counts, purpose)
