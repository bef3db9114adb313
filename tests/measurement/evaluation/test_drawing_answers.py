"""A drawn answer: object and prompt beside the mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import samara
from samara import EvaluationSettings
from samara.measurement.evaluation.drawing_answers import draw_answer
from samara.segmentation.drawing.difference import RIGHT, TOO_MUCH
from tests.finetuning.conftest import make_tiny
from tests.measurement.evaluation.conftest import write_coco


def answered(coco):
    tiny = make_tiny()
    trained = replace(tiny, provenance=replace(tiny.provenance, weights="file"))
    settings = EvaluationSettings(objects=2, measures=("box",), failures=2)
    found = samara.evaluate(coco, coco.parent / "images", trained, settings=settings)
    return next(one for one in found.failures if one.answer.area)


def test_an_answer_is_drawn_with_its_prompt(tmp_path):
    one = answered(write_coco(tmp_path))
    image = draw_answer(one)
    half = (image.shape[1] - 8) // 2
    left, right = image[:, :half].astype(int), image[:, half + 8 :].astype(int)
    assert left.shape == right.shape
    assert max(left.shape[:2]) == 640
    assert max(draw_answer(one, 100)[:, : (draw_answer(one, 100).shape[1] - 8) // 2].shape[:2]) == 100

    def tinted(colour):
        strongest = int(np.argmax(colour))
        return (right[..., strongest] - left[..., strongest] > 20).mean()

    assert max(tinted(RIGHT), tinted(TOO_MUCH)) > 0.01
