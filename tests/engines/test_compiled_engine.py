"""The compiled encoder: alike blocks are compiled once, batches have one size, and a second process finds its work."""

from __future__ import annotations

import copy
import dataclasses
import os
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from samara.engines.compiled_engine import CACHE_VARIABLE, CompiledTorchEngine, keep_compiled, regions
from samara.engines.torch_engine import TorchEngine
from samara.errors import OutputError
from samara.networks.architectures import ViTConfig
from samara.networks.build import build_sam
from samara.networks.variants import VARIANTS
from tests.engines.conftest import small


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """What is compiled here is kept here; the variable is put back."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "compiled"))


@pytest.fixture
def deep():
    """A ViT of six blocks of two kinds."""
    torch.manual_seed(0)
    config = ViTConfig(embed_dim=24, depth=6, num_heads=2, global_attention_blocks=(2, 5))
    network = build_sam(dataclasses.replace(VARIANTS["vit_b"], image_encoder=config))
    for parameter in network.image_encoder.parameters():
        nn.init.normal_(parameter, std=0.05)
    return network.eval()


@pytest.fixture
def compiled(monkeypatch):
    """Count what would be compiled, and run it as it is."""
    graphs = []

    def backend(graph, examples):
        graphs.append(graph)
        return graph.forward

    plain = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self, **how: plain(self, backend=backend, **how))
    torch._dynamo.reset()
    yield graphs
    torch._dynamo.reset()


def images(count, side=64):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(count))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # of PyTorch 2.13 for its own compiler
def test_alike_blocks_are_compiled_once(deep, compiled):
    engine = CompiledTorchEngine(deep, "cpu")
    found = engine.encode(images(2))
    torch.testing.assert_close(found, TorchEngine(deep, "cpu").encode(images(2)), atol=1e-4, rtol=1e-4)
    assert len(compiled) == 2
    engine.encode(images(1))  # filled to two
    assert len(compiled) == 2
    for count in range(3, 8):  # more versions than PyTorch allows by itself
        found = engine.encode(images(count))
        torch.testing.assert_close(found, TorchEngine(deep, "cpu").encode(images(count)), atol=1e-4, rtol=1e-4)
    assert len(compiled) == 2 * 6


def test_an_encoder_of_different_blocks_is_compiled_whole():
    assert len(regions(small("efficient_sam_ti", 64).network.image_encoder)) == 2
    vit_t = small("vit_t", 64).network.image_encoder
    assert regions(vit_t) == [vit_t]
    for name, blocks in (("vit_b", 12), ("vit_h", 32), ("sam2.1_hiera_l", 48), ("efficient_sam_s", 12)):
        with torch.device("meta"):
            encoder = build_sam(VARIANTS[name]).image_encoder
        assert len(regions(encoder)) == blocks, name


def test_an_adapted_encoder_runs_uncompiled(deep, compiled):
    engine = CompiledTorchEngine(deep, "cpu")
    hook = deep.image_encoder.blocks[0].register_forward_hook(lambda *args: None)
    assert engine.image_encoder is deep.image_encoder
    engine.encode(images(1))
    assert not compiled
    hook.remove()
    assert engine.image_encoder is not deep.image_encoder


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_change_of_weights_is_seen_and_compiles_nothing(deep, compiled):
    engine = CompiledTorchEngine(deep, "cpu")
    before = engine.encode(images(1))
    with torch.no_grad():
        deep.image_encoder.blocks[0].mlp.lin1.weight.mul_(3)
    after = engine.encode(images(1))
    assert not after.equal(before)
    torch.testing.assert_close(after, TorchEngine(deep, "cpu").encode(images(1)), atol=1e-4, rtol=1e-4)
    assert len(compiled) == 2


def test_it_is_kept_in_the_cache_unless_the_variable_says_where(monkeypatch, tmp_path):
    keep_compiled()
    assert os.environ[CACHE_VARIABLE] == str(tmp_path / "compiled")
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "samara"))
    keep_compiled()
    assert os.environ[CACHE_VARIABLE] == str(tmp_path / "samara" / "torch-compile")
    assert (tmp_path / "samara" / "torch-compile").is_dir()
    monkeypatch.delenv(CACHE_VARIABLE)
    (tmp_path / "file").touch()
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="set SAMARA_CACHE"):
        CompiledTorchEngine(small("vit_t", 64).network, "cpu")


SECOND_PROCESS = textwrap.dedent(
    """
    import torch
    from torch._dynamo.utils import counters
    from samara.engines.compiled_engine import CompiledTorchEngine
    from samara.engines.torch_engine import TorchEngine
    from tests.engines.conftest import small
    network = small("efficient_sam_ti", 64).network
    images = torch.randn(1, 3, 64, 64)
    found = CompiledTorchEngine(network, "cpu").encode(images)
    torch.testing.assert_close(found, TorchEngine(network, "cpu").encode(images), atol=1e-3, rtol=1e-3)
    hits = sum(count for name, count in counters["aot_autograd"].items() if name == "autograd_cache_hit")
    hits += counters["inductor"]["fxgraph_cache_hit"]
    misses = counters["inductor"]["fxgraph_cache_miss"]
    print(hits, misses)
    """
)


@pytest.mark.slow
def test_a_second_process_finds_what_the_first_compiled(tmp_path):
    more = {CACHE_VARIABLE: str(tmp_path / "kept")}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SECOND_PROCESS], env=os.environ | more, check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    ]
    (_, first_misses), (hits, misses) = outputs
    assert int(first_misses) > 0
    assert int(misses) == 0
    assert int(hits) > 0


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", ["vit_b", "vit_t", "sam2.1_hiera_t", "efficient_sam_ti"])
def test_a_compiled_encoder_gives_the_same_on_a_gpu(name, precision):
    loaded = small(name, 64)
    given = images(2, loaded.input_size)
    expected = TorchEngine(loaded.network, "cpu").encode(given)
    engine = CompiledTorchEngine(copy.deepcopy(loaded.network).cuda(), "cuda", precision)
    for _ in range(2):
        found = engine.encode(given).cpu()
        assert ((found - expected).norm() / expected.norm()).item() < (1e-3 if precision == "float32" else 0.1)
