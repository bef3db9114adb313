"""Linear layers in 8-bit integers: near the original, and one sentence without the library."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from samara.engines import compiled_engine
from samara.engines.compiled_engine import CompiledForm
from samara.engines.forms import CurrentForm
from samara.engines.int8_layers import with_int8_layers
from samara.errors import MissingExtra
from tests.engines.conftest import small
from tests.engines.prompting import relative_error


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(MissingExtra, match=r"int8 on a GPU needs torchao .*; pip install 'samara\[torchao\]'"):
        with_int8_layers(nn.Linear(4, 4))


def test_only_int8_is_converted(monkeypatch):
    converted = []
    monkeypatch.setattr(compiled_engine, "with_int8_layers", lambda encoder: (converted.append(encoder), encoder)[1])
    monkeypatch.setattr(nn.Module, "compile", lambda self, **how: None)
    encoder = small("vit_b", 64).network.image_encoder
    for precision in ("float32", "tf32", "bfloat16", "float16"):
        CompiledForm(torch.device("cpu"), precision).of(encoder)
    assert not converted
    form = CompiledForm(torch.device("cpu"), "int8").of(encoder)
    assert converted == [form]
    assert form.blocks[0].mlp.lin1.weight.dtype == torch.bfloat16


@pytest.mark.filterwarnings("ignore")  # of torchao, for PyTorch
@pytest.mark.parametrize("name", ["vit_b", "efficient_sam_ti"])
def test_it_stays_near(name):
    pytest.importorskip("torchao")
    encoder = small(name, 64).network.image_encoder
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = encoder(images)
        form = with_int8_layers(CurrentForm(torch.device("cpu"), "int8").made_of(encoder))
        with torch.autocast("cpu", torch.bfloat16):
            found = form(images)
    assert 0 < relative_error(found.float(), expected) < 0.05
    assert type(form.blocks[0].attn.qkv.weight) is not nn.Parameter
    assert encoder.blocks[0].attn.qkv.weight.dtype == torch.float32


@pytest.mark.gpu
def test_it_stays_near_on_a_gpu():
    pytest.importorskip("torchao")
    loaded = small("vit_b", 64)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = loaded.network.image_encoder(images)
    found = compiled_engine.CompiledTorchEngine(loaded.network.cuda(), "cuda", "int8").encode(images)
    assert 0 < relative_error(found.cpu(), expected) < 0.25
