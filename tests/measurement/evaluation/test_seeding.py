"""Random numbers that belong to an object."""

from __future__ import annotations

from samara.masks.rle import encode_mask
from samara.measurement.evaluation.seeding import generator_of, generator_of_object
from tests.measurement.evaluation.conftest import rectangle


def test_the_same_identity_draws_the_same_and_any_other_something_else():
    identities = [(0, "a"), (1, "a"), (0, "b"), (0, "a", "b"), (0, "ab", "c"), (0, "a", "bc"), (0, "a", b"\xff")]
    draws = [generator_of(*identity).random() for identity in identities]
    assert len(set(draws)) == len(draws)
    assert draws == [generator_of(*identity).random() for identity in identities]


def test_an_object_is_known_by_its_mask():
    one, other = encode_mask(rectangle(0, 0, 9, 9)), encode_mask(rectangle(0, 0, 9, 8))
    assert generator_of_object(0, "p", one, "x").random() == generator_of_object(0, "p", one, "x").random()
    assert generator_of_object(0, "p", one, "x").random() != generator_of_object(0, "p", other, "x").random()
    assert generator_of_object(0, "p", one, "x").random() != generator_of_object(0, "p", one, "y").random()


def test_names_that_are_no_text_are_names():
    assert 0 <= generator_of(0, "na\udcefve").random() < 1
