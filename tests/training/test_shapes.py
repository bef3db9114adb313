"""The exercise: prompts that ask for what the targets show, and a decoder that learns them."""

from __future__ import annotations

import itertools

import torch

from samara.networks.prompt_encoder import FOREGROUND, TOP_LEFT
from samara.variants import VARIANTS
from training import shapes
from training.leg import Training
from training.shapes import ShapeSettings, draw_shapes, exercise


def test_prompts_ask_for_what_the_targets_show():
    drawn = draw_shapes(ShapeSettings(minutes=1, prompts=64), torch.Generator().manual_seed(0))
    assert 0 < drawn.boxes <= len(drawn.targets) / 2
    for index, target in enumerate(drawn.targets):
        rows, columns = target.any(1).nonzero().flatten(), target.any(0).nonzero().flatten()
        if index < drawn.boxes:
            assert drawn.labels[index, 0] == TOP_LEFT
            (left, top), (right, bottom) = (drawn.points[index] / 4).tolist()
            assert abs(left - columns[0]) <= 1
            assert abs(right - columns[-1] - 1) <= 1
            assert abs(top - rows[0]) <= 1
            assert abs(bottom - rows[-1] - 1) <= 1
        else:
            assert drawn.labels[index, 0] == FOREGROUND
            x, y = ((drawn.points[index, 0] + 0.5) / 4).long().tolist()
            assert target[min(y, 47), min(x, 47)]


def test_the_decoder_learns_and_nothing_else(monkeypatch):
    ticks = itertools.chain([0.0] * 31, itertools.repeat(60.0))
    monkeypatch.setattr(shapes.time, "monotonic", lambda: next(ticks))
    training = Training(VARIANTS["samara_pyramid"], "cpu")
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    exercise(training, ShapeSettings(minutes=1, grid=4, prompts=12, warmup_steps=5), lambda line: None)
    changed = {
        name.split(".")[0] for name, value in training.average.state_dict().items() if not value.equal(before[name])
    }
    assert changed == {"prompt_encoder", "mask_decoder"}
