"""Matrix speed, measured and assumed."""

from __future__ import annotations

import pytest

from samara.recommendation.throughput import (
    CARDS,
    REFERENCE_CARD,
    assumed_cpu_speed,
    assumed_gpu_speed,
    measure_matrix_speed,
)


def test_measuring_gives_a_plausible_number():
    assert 1e9 < measure_matrix_speed("cpu", least_s=0.0) < 1e15


def test_more_cores_and_wider_ones_are_faster():
    speeds = [
        assumed_cpu_speed(2, ()).value,
        assumed_cpu_speed(2, ("AVX2",)).value,
        assumed_cpu_speed(2, ("AVX2", "AVX-512")).value,
        assumed_cpu_speed(4, ("AVX2", "AVX-512")).value,
    ]
    assert speeds == sorted(set(speeds))
    assert assumed_cpu_speed(1, ("AVX2",)).basis == "1 core (AVX2)"


def test_cards_rise_in_memory_and_speed():
    assert [card.gigabytes for card in CARDS] == sorted({card.gigabytes for card in CARDS})
    assert [card.flops for card in CARDS] == sorted({card.flops for card in CARDS})


def test_a_card_is_known_by_name_or_guessed_by_memory():
    known = assumed_gpu_speed(25.3e9, "NVIDIA GeForce RTX 3090")
    assert (known.certainty, known.basis) == ("published", "data sheet of the GeForce RTX 3090")
    guessed = assumed_gpu_speed(24e9)
    assert (guessed.value, guessed.certainty) == (known.value, "rule of thumb")
    assert assumed_gpu_speed(23.9e9).value < guessed.value
    assert REFERENCE_CARD in CARDS


@pytest.mark.parametrize("gigabytes", [0.1, 1, 2, 3, 500])
def test_every_amount_of_memory_has_a_speed(gigabytes):
    assert assumed_gpu_speed(gigabytes * 1e9).value > 0
