"""`samara.finetune`: what somebody says in Python is what is done."""

from __future__ import annotations

import sys

import pytest

import samara
from samara.errors import OutputError, SettingsError
from samara.finetuning.finetune import choose_views


def test_views_lie_beside_the_checkpoint(tmp_path, monkeypatch):
    views = choose_views(tmp_path / "a.pth", tmp_path / "logs", None, curve=True, notice=None)
    assert (views.curve, views.tensorboard) == (tmp_path / "a.pth.curve.png", tmp_path / "logs" / "a.pth")
    told = []
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert choose_views(tmp_path / "a.pth", None, None, curve=None, notice=told.append).curve is None
    assert "pip install 'samara[report]'" in told[0]


def test_refusals_come_first(tmp_path):
    (tmp_path / "there.pth").touch()
    with pytest.raises(OutputError, match="there.pth exists"):
        samara.finetune("nowhere.json", out=tmp_path / "there.pth")
    with pytest.raises(SettingsError):
        samara.finetune("nowhere.json", out=str(tmp_path / "a.zip"))
