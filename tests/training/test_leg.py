"""Legs: they learn, go on where the last one ended, and what they give is a checkpoint."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import samara
from samara.networks.architectures import TinyViTConfig
from samara.networks.variants import VARIANTS
from training import leg
from training.__main__ import app
from training.leg import LegSettings, Training, run_leg
from training.validation import split, validate_by_domain

SMALL = replace(
    VARIANTS["vit_t"],
    image_encoder=TinyViTConfig(embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1)),
)
TINY = LegSettings(minutes=1, size=64, images=2, objects=2, warmup_steps=2, learning_rate=1e-3)


@pytest.fixture
def steps(monkeypatch):
    """Let a leg last a number of steps instead of minutes; other threads of the process keep their clock."""

    def last(count):
        ticks = itertools.chain([0.0], (60 * step / count for step in range(count)), itertools.repeat(60.0))
        monkeypatch.setattr(leg, "time", SimpleNamespace(monotonic=lambda: next(ticks)))

    return last


def test_a_leg_goes_on_where_the_last_one_ended(packed, tmp_path, steps):
    images = np.arange(len(packed))
    steps(4)
    whole = Training(SMALL, "cpu")
    before = copy.deepcopy(whole.network.state_dict())
    run_leg(whole, packed, images, TINY, lambda line: None)
    assert whole.step == 4
    assert any(not value.equal(before[name]) for name, value in whole.network.state_dict().items())
    parts = Training(SMALL, "cpu")
    for _ in range(2):
        steps(2)
        run_leg(parts, packed, images, TINY, lambda line: None, save_to=tmp_path / "state")
        parts = Training(SMALL, "cpu", seed=9)
        parts.load(tmp_path / "state")
    assert parts.step == 4
    found = parts.average.state_dict()
    for name, value in whole.average.state_dict().items():
        torch.testing.assert_close(found[name], value, msg=name)
    assert parts.images_seen == whole.images_seen == 8


def test_it_begins_with_a_checkpoint_and_leaves_alone_what_it_is_told_to(packed, steps):
    published = {name: value.half() for name, value in Training(SMALL, "cpu", seed=5).network.state_dict().items()}
    training = Training(SMALL, "cpu")
    training.start_from(published)
    steps(2)
    settings = replace(TINY, frozen=("image_encoder.patch_embed", "image_encoder.layers.0"), keep_statistics=True)
    run_leg(training, packed, np.arange(len(packed)), settings, lambda line: None)
    changed = set()
    for name, value in training.network.state_dict().items():
        if not value.equal(published[name].to(value.dtype)):
            changed.add(name)
    assert not any(name.startswith(settings.frozen) or "running_" in name for name in changed)
    for part in ("image_encoder.layers.1", "image_encoder.layers.3", "image_encoder.neck", "mask_decoder"):
        assert any(name.startswith(part) for name in changed), part
    steps(1)
    run_leg(training, packed, np.arange(len(packed)), TINY, lambda line: None)
    statistics = {name: value for name, value in training.network.state_dict().items() if "running_mean" in name}
    assert any(not value.equal(published[name].float()) for name, value in statistics.items())


def test_the_learning_rate_falls_in_a_cooldown(packed, steps):
    steps(5)
    training = Training(SMALL, "cpu")
    training.step = 100
    rates = []
    plain = training.optimiser.step
    training.optimiser.step = lambda: (rates.append(training.optimiser.param_groups[0]["lr"]), plain())
    run_leg(
        training, packed, np.arange(len(packed)), LegSettings(**{**vars(TINY), "cooldown": True}), lambda line: None
    )
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(0.2e-3)
    groups = {group["part"]: group["lr"] for group in training.optimiser.param_groups}
    assert groups["decoder"] == pytest.approx(TINY.decoder_share * groups["encoder"])


def test_what_is_shipped_is_the_average(packed, tmp_path, steps):
    steps(2)
    training = Training(VARIANTS["vit_t"], "cpu")
    run_leg(training, packed, np.arange(len(packed)), TINY, lambda line: None, save_to=tmp_path / "state")
    out = tmp_path / "mini.safetensors"
    result = CliRunner().invoke(app, ["ship", str(tmp_path / "state"), str(out)])
    assert result.exit_code == 0, result.output
    assert "10,130,092 parameters" in result.output
    assert samara.identify(out).variant == "vit_t"
    loaded = samara.load(out, device="cpu")
    found = loaded.network.state_dict()
    for name, value in training.average.state_dict().items():
        torch.testing.assert_close(found[name], value.half().to(value.dtype), msg=name)


def test_held_back_images_are_not_trained_on(packed):
    parts = split(packed, per_source=1)
    assert len(parts.held_back) == 1  # the other source has too few
    assert not set(parts.held_back) & set(parts.trained)
    assert len(parts.held_back) + len(parts.trained) == len(packed)
    training = Training(SMALL, "cpu")
    leg._set_size(training.network, 64)
    found = validate_by_domain(training.network, packed, parts.held_back, 64, VARIANTS["vit_t"].preprocessing)
    assert found.keys() == {"natural"}
    assert found["natural"].objects == 3
