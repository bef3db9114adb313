"""Counts in sentences agree with their nouns."""

import pytest

from samara.system.counted import counted


@pytest.mark.parametrize(("count", "text"), [(0, "0 masks"), (1, "1 mask"), (1200, "1,200 masks")])
def test_the_noun_agrees(count, text):
    assert counted(count, "mask") == text
