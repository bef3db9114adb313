"""How sure a number is."""

from __future__ import annotations

from samara.recommendation.statement import CERTAINTIES, Statement, least_sure


def test_a_chain_is_as_sure_as_its_weakest_link():
    assert least_sure(["measured here", "rule of thumb", "published"]) == "rule of thumb"
    assert least_sure(["measured here"]) == "measured here"
    assert least_sure(CERTAINTIES) == CERTAINTIES[-1]


def test_plain_values():
    assert Statement(1.5, "published", "a table").as_dict() == {
        "value": 1.5,
        "certainty": "published",
        "basis": "a table",
    }
