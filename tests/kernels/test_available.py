"""Which devices run kernels."""

from __future__ import annotations

import pytest
import torch

from samara.kernels import available


def test_a_processor_runs_none():
    assert not available.runs_kernels(torch.device("cpu"))
    assert not available.runs_kernels(torch.device("mps"))


def test_a_gpu_is_tried_once(monkeypatch):
    tried = []
    monkeypatch.setattr(available, "_is_able", lambda index: tried.append(index) or True)
    assert available.runs_kernels(torch.device("cuda"))
    assert available.runs_kernels(torch.device("cuda", 1))
    assert tried == [0, 1]


def test_the_switch_leaves_everything_to_pytorch(monkeypatch):
    monkeypatch.setattr(available, "_is_able", lambda index: True)
    monkeypatch.setenv(available.SWITCH, "0")
    assert not available.runs_kernels(torch.device("cuda"))


@pytest.mark.gpu
def test_a_gpu_runs_them():
    assert available.runs_kernels(torch.device("cuda"))
