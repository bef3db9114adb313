"""Images that look the same, compared with all pairs."""

from __future__ import annotations

import random

import pytest

from samara.annotation.report import duplicates
from samara.annotation.report.duplicates import Duplicates, near_duplicates


@pytest.mark.parametrize("seed", range(5))
def test_all_pairs_within_four_bits_are_found(seed):
    chance = random.Random(seed)
    hashes = {}
    for image in range(1, 200):
        if hashes and chance.random() < 0.4:
            value = chance.choice(list(hashes.values()))
            for bit in chance.sample(range(64), chance.randrange(8)):
                value ^= 1 << bit
        else:
            value = chance.getrandbits(64)
        hashes[image] = value
    expected = {}
    for b in hashes:
        near = [a for a in range(1, b) if (hashes[a] ^ hashes[b]).bit_count() <= 4]
        if near:
            expected[b] = near[0]
    found = near_duplicates(hashes, max_pairs=1000)
    assert found.count == len(expected) > 0
    assert found.pairs == tuple((a, b) for b, a in sorted(expected.items()))


def test_very_many_images_are_compared_for_equality_only(monkeypatch):
    monkeypatch.setattr(duplicates, "MAX_FOR_NEAR", 3)
    assert near_duplicates({1: 7, 2: 8, 3: 7, 5: 7, 9: 6}) == Duplicates(2, ((1, 3), (1, 5)), is_exact=True)
    assert near_duplicates({}) == Duplicates(0, ())
