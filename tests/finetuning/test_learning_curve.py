"""The image of the learning curve: its lines are the history, and what is not installed is said."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass

import pytest
from PIL import Image

from samara.errors import MissingExtra
from samara.finetuning.learning_curve import DARK, LIGHT, draw_learning_curve, learning_curve_png


@dataclass(frozen=True)
class Point:
    epoch: int
    loss: float | None
    click_iou: float
    box_iou: float


CURVE = [Point(0, None, 0.4, 0.6), Point(1, 0.9, 0.5, 0.62), Point(2, 0.7, 0.55, 0.7), Point(3, 0.6, 0.5, 0.69)]


def lines(axes):
    return {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in axes.get_lines()}


def test_the_lines_are_the_history():
    left, right = draw_learning_curve(CURVE, kept=2).axes
    assert lines(left)["training"] == [(point.epoch, point.loss) for point in CURVE[1:]]
    assert lines(right)["centre click"] == [(point.epoch, point.click_iou) for point in CURVE]
    assert lines(right)["box"] == [(point.epoch, point.box_iou) for point in CURVE]


def test_before_and_the_epoch_kept_are_marked_in_both_panels():
    figure = draw_learning_curve(CURVE, kept=2)
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert [x for x, _ in lines(axes)["_kept"]] == [2, 2]
        assert [text.get_text() for text in axes.texts] == ["kept"]
        assert [tick.get_text() for tick in axes.get_xticklabels() if tick.get_text() == "before"] == ["before"]
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim()


def test_a_run_without_an_epoch_is_drawn_as_well():
    left, right = draw_learning_curve(CURVE[:1], kept=0).axes
    assert lines(left)["training"] == []
    assert len(lines(right)["box"]) == 1


def test_it_is_a_png_in_either_colours():
    light, dark = (Image.open(io.BytesIO(learning_curve_png(CURVE, 2, colours))) for colours in (LIGHT, DARK))
    assert light.format == "PNG"
    assert light.size == (1600, 576)
    assert light.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
    assert sum(dark.convert("RGB").getpixel((2, 2))) < 100


def test_without_matplotlib_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"needs matplotlib.*pip install 'samara\[report\]'"):
        draw_learning_curve(CURVE, 1)
