"""Fonts: one that has the letters, a plain one first, and a word when there is none."""

from __future__ import annotations

import pytest
from PIL import ImageFont

from samara.images import fonts
from samara.images.fonts import font_files, font_with, plainness

pytest.importorskip("matplotlib")


def test_a_font_with_the_letters_is_found():
    path = font_with(frozenset("Жук"))  # matplotlib brings one
    assert path is not None
    font = ImageFont.truetype(path, 20)
    assert bytes(font.getmask("Ж")) != bytes(font.getmask("\uffff"))


def test_a_font_of_boxes_is_none():
    assert not [path for path in font_files() if "LastResort" in path]


def test_plain_fonts_come_first():
    names = ["/f/DejaVuSans-Bold.ttf", "/f/DejaVuSerif.ttf", "/f/cmr10.ttf", "/f/DejaVuSans.ttf"]
    assert sorted(names, key=plainness) == [names[3], names[2], names[0], names[1]]


def test_a_file_that_is_no_font_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    found = font_files()
    monkeypatch.setattr(fonts, "font_files", lambda: (str(tmp_path / "broken.ttf"), *found))
    assert font_with(frozenset("Щука")) in found


@pytest.mark.parametrize(
    ("letter", "has_matplotlib", "advice"), [("楓", True, "install one"), ("榧", False, "samara[report]")]
)
def test_it_is_said_once_that_none_was_found(monkeypatch, caplog, letter, has_matplotlib, advice):
    monkeypatch.setattr(fonts, "is_installed", lambda library: has_matplotlib)
    monkeypatch.setattr(fonts, "font_files", lambda: ())
    for _ in range(2):
        assert font_with(frozenset(f"a {letter}")) is None
    (record,) = caplog.records
    assert f"no font with the letters {letter} was found, so ? stands for them" in record.getMessage()
    assert advice in record.getMessage()
