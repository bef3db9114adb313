"""The torch engine with a compiled image encoder.

A transformer's blocks are alike, so they are compiled one by one: PyTorch compiles each kind once and finds the others
the same. SAM's ViTs have two kinds, with and without windows. An encoder of blocks that all differ is compiled as a
whole. What was compiled is kept on disk, see `keep_compiled`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

from samara.engines.cache import cache_directory
from samara.engines.forms import CurrentForm
from samara.engines.int8_layers import with_int8_layers
from samara.engines.torch_engine import TorchEngine
from samara.networks.fused_block import with_fused_blocks
from samara.networks.sam import Sam
from samara.system.devices import Precision
from samara.system.files import make_folder

CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
"""Where PyTorch keeps what it compiled, an environment variable of PyTorch."""

MOST_VERSIONS = 64
"""Versions of one layer that PyTorch may compile: kinds of blocks times batch sizes, of all networks of a process."""


class CompiledTorchEngine(TorchEngine):
    """Like `TorchEngine`, with the image encoder compiled by `torch.compile`, once per batch size.

    The compiler does not see hooks and similar adaptations, so an adapted encoder runs uncompiled.

    Raises:
        OutputError: the cache directory cannot be written.
    """

    def __init__(
        self, network: Sam, device: str, precision: Precision = "float32", *, hq_token_only: bool = False
    ) -> None:
        super().__init__(network, device, precision, hq_token_only=hq_token_only)
        keep_compiled()
        self._compiled_form = CompiledForm(self.device, precision)
        self._batch_size = 0

    @property
    def image_encoder(self) -> Callable[[Tensor], Tensor]:
        """The network's image encoder, compiled unless adapted."""
        return self._compiled_form.of(self.network.image_encoder)

    def _encode(self, images: Tensor) -> Tensor:
        """Pad a batch smaller than an earlier one, since another size would recompile."""
        self._batch_size = max(self._batch_size, len(images))
        filling = images[-1:].expand(self._batch_size - len(images), -1, -1, -1)
        with torch._dynamo.config.patch(recompile_limit=MOST_VERSIONS):
            return super()._encode(torch.cat([images, filling]))[: len(images)]


class CompiledForm(CurrentForm):
    """The compiled form of an image encoder, on any device; see `CurrentForm`."""

    def of(self, part: nn.Module) -> nn.Module:
        """Return the compiled form of the part in its present state, or the part itself if it is adapted."""
        return self.tracked(part)

    def made_of(self, part: nn.Module) -> nn.Module:
        """See `CurrentForm.made_of`."""
        form = with_fused_blocks(super().made_of(part))
        if self.precision == "int8":
            form = with_int8_layers(form)
        for region in regions(form):
            region.compile(dynamic=False)
        return form


def regions(encoder: nn.Module) -> list[nn.Module]:
    """Return the parts of an encoder to compile one by one: its blocks if most are alike, else the encoder itself."""
    lists = [module for module in encoder.modules() if isinstance(module, nn.ModuleList)]
    most_weights = max(lists, key=lambda one: _weights_in(one), default=nn.ModuleList())
    blocks = list(most_weights)
    kinds = {kind_of(block) for block in blocks}
    return blocks if 0 < 2 * len(kinds) <= len(blocks) else [encoder]


def kind_of(block: nn.Module) -> tuple[object, ...]:
    """Return what a compiled block depends on: layers, their shapes and settings."""
    shapes = [(name, tuple(tensor.shape)) for name, tensor in block.state_dict().items()]
    settings = sorted((name, value) for name, value in vars(block).items() if isinstance(value, (int, bool)))
    return type(block), *shapes, *settings


def keep_compiled() -> None:
    """Let PyTorch keep what it compiles in samara's cache, unless the variable already says where.

    A later process then only traces the layers. As PyTorch does, this sets the variable for the whole process.

    Raises:
        OutputError: the cache directory cannot be written.
    """
    if CACHE_VARIABLE not in os.environ:
        folder = cache_directory() / "torch-compile"
        make_folder(folder, "set SAMARA_CACHE to one that can")
        os.environ[CACHE_VARIABLE] = str(folder)


def _weights_in(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())
