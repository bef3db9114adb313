"""Answers side by side."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from PIL import Image

from samara.masks.rle import encode_mask
from samara.measurement.comparison.panels import SIDE_PX, Answered, AskedImage, colours, panel_rows
from samara.segmentation.drawing.difference import MISSED, RIGHT
from samara.segmentation.prompts import Prompt


def pixels(panel):
    data = base64.b64decode(panel.uri.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_what_is_right_and_what_is_missed_have_their_colours(tmp_path):
    path = tmp_path / "p.png"
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(path)
    whole, left = np.zeros((2, 60, 80), bool)
    whole[10:50, 10:70] = left[10:50, 10:40] = True
    asked = AskedImage(
        path,
        "cells",
        "box",
        [Prompt(box=(10, 10, 70, 50))],
        [encode_mask(whole)],
        [Answered("half", [encode_mask(left)], 0.5)],
    )
    (row,) = panel_rows([asked])
    assert row.title == "cells, box: p.png"
    assert [(panel.caption, panel.score) for panel in row.panels] == [("asked", ""), ("half", "IoU 0.500")]
    drawn = pixels(row.panels[1]).astype(int)
    assert drawn.shape == (SIDE_PX * 60 // 80, SIDE_PX, 3)
    scale = SIDE_PX / 80
    for x, colour in ((25, RIGHT), (55, MISSED)):
        seen = drawn[round(30 * scale), round(x * scale)]
        assert np.abs(seen - 0.55 * np.array(colour)).max() < 16


def test_colours_as_css():
    assert colours({"a": (0, 170, 16)}) == {"a": "#00aa10"}
