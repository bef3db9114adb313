"""COCO's alphabet for run lengths: numbers as text, six bits per character.

Source: COCO API, `maskApi.c` (the format only).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samara.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PYCOCOTOOLS_MAX_PIXELS = (1 << 29) - 1
"""Pixels of the largest masks whose runs, of whatever length, pycocotools 2.0.11 reads without error."""

# One of a character's six bits means that another follows; seven characters hold 34 bits and a sign.
_MAX_CHARACTERS = 7


def compress_runs(runs: NDArray[np.int64]) -> bytes:
    """Write run lengths in COCO's alphabet: differences to the last but one, five bits per character."""
    return compress_all([runs])[0]


def compress_all(runs_of_masks: Sequence[NDArray[np.int64]]) -> list[bytes]:
    """Like `compress_runs` for many masks, with at least one run each: a few large operations instead of many small."""
    counts = np.array([runs.size for runs in runs_of_masks], np.int64)
    stops = np.cumsum(counts)
    runs = np.concatenate(runs_of_masks)
    values = runs.copy()
    values[3:] -= runs[1:-2]
    for place in range(min(3, int(counts.max()))):  # a mask's first three runs are written as they are
        own = (stops - counts)[counts > place] + place
        values[own] = runs[own]
    # n characters hold -2^(5n-1) ... 2^(5n-1) - 1; ~v = -v - 1 maps the negative half onto the other.
    limits = np.int64(1) << (5 * np.arange(1, _MAX_CHARACTERS, dtype=np.int64) - 1)
    lengths = np.searchsorted(limits, np.where(values < 0, ~values, values), side="right") + 1
    starts = np.cumsum(lengths) - lengths
    text = np.empty(int(lengths.sum()), np.uint8)
    for place_in_number in range(int(lengths.max())):
        longer = lengths > place_in_number
        bits = (values[longer] >> (5 * place_in_number)) & 31
        more = np.where(lengths[longer] > place_in_number + 1, 32, 0)
        text[starts[longer] + place_in_number] = bits + more + 48
    ends = np.concatenate([[0], np.cumsum(lengths)])[stops].tolist()
    whole = text.tobytes()
    return [whole[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def decompress_runs(counts: bytes) -> NDArray[np.int64]:
    """Read COCO's alphabet.

    Raises:
        SettingsError: the text is damaged. Whether the lengths fit an image is not checked.
    """
    if not isinstance(counts, bytes) or not counts:
        given = f"{type(counts).__name__} {counts!r:.40}"
        raise SettingsError(f"The counts of a mask must be compressed bytes, not {given}; see Rle.from_coco.")
    digits = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    if digits.min() < 0 or digits.max() > 63:
        raise SettingsError(
            "The counts of a mask contain a character that COCO's run lengths do not use; the file is damaged."
        )
    last = np.flatnonzero(digits < 32)
    if last.size == 0 or last[-1] != digits.size - 1:
        raise SettingsError("The counts of a mask end in the middle of a number; the file is truncated.")
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if lengths.max() > _MAX_CHARACTERS:
        raise SettingsError("The counts of a mask contain a number too large for any image; the file is damaged.")
    place_in_number = np.arange(digits.size) - np.repeat(first, lengths)
    values = np.add.reduceat((digits & 31) << (5 * place_in_number), first)
    values[(digits[last] & 16) != 0] -= np.int64(1) << (5 * lengths[(digits[last] & 16) != 0])
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
