"""The numbers of docs/performance.md are those that were measured."""

from docs.update_performance import DOCUMENT, updated


def test_generated_parts_are_up_to_date():
    text = DOCUMENT.read_text()
    assert updated(text) == text, "run `make docs`"
