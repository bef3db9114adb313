"""Kernels run on a GPU, and on a processor in Triton's interpreter, which comes with no CPU build of PyTorch."""

from __future__ import annotations

import importlib.util
import os

import pytest
import torch

HAS_TRITON = importlib.util.find_spec("triton") is not None

if HAS_TRITON and not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # before a kernel is imported

INTERPRETED = pytest.mark.skipif(not HAS_TRITON or torch.cuda.is_available(), reason="no Triton here, or it compiles")


@pytest.fixture(params=[pytest.param("cpu", marks=INTERPRETED), pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return torch.device(request.param)
