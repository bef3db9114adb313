"""Text as pixels."""

import pytest

from samara.images.text import text_pixels


@pytest.mark.parametrize("size", [10, 24, 60])
def test_text_has_the_height_of_its_size(size):
    short, long = text_pixels("1", size), text_pixels("answer 1 of 3", size)
    assert short.shape[0] == long.shape[0] == round(1.25 * size)
    assert long.shape[1] > 4 * short.shape[1]
    assert long.max() > 200
    assert long[0].max() == long[-1].max() == 0  # nothing is cut off


@pytest.mark.parametrize("size", [10, 24, 60])
def test_other_scripts_are_drawn_with_a_font_of_the_system(size):
    pytest.importorskip("matplotlib")
    drawn = text_pixels("Жук ščř", size)
    assert drawn.shape[0] == round(1.25 * size)
    assert drawn.tobytes() != text_pixels("??? ???", size).tobytes()
    assert drawn.max() > 200


def test_letters_without_a_font_become_question_marks(monkeypatch):
    monkeypatch.setattr("samara.images.text.font_with", lambda letters: None)
    assert (text_pixels("楓", 20) == text_pixels("?", 20)).all()
    assert text_pixels("é", 20).tobytes() != text_pixels("?", 20).tobytes()
