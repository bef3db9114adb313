"""The last used values stay."""

from __future__ import annotations

from samara.serving.remembered import Remembered


def test_what_was_used_last_stays():
    values = Remembered(2)
    assert values.put("a", 1) == 1
    values.put("b", 2)
    assert values.get("a") == 1
    values.put("c", 3)
    assert [values.get(name) for name in "abc"] == [1, None, 3]
    values.put("c", 4)
    assert len(values) == 2
    assert values.get("c") == 4
