"""Low-rank adaptation: train two thin matrices next to a frozen linear layer, and fold them in afterwards.

A layer W x + b becomes W x + b + (alpha / rank) · B (A x), with A (rank, in) random and B (out, rank) zero, so that
nothing changes before the first step. The layer keeps its key names (``weight``, ``bias``) and gains ``lora_a`` and
``lora_b``; after `merge_lora` only the published names are left. A 1×1 convolution is a linear layer of
each pixel's channels and is adapted in the same way; EfficientViT's attention and RepViT's mixing of channels are
made of them.

Source: Hu et al. 2021 (LoRA), section 4.1.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.errors import SettingsError, WrongCheckpoint

# The attention of the image encoders: first ViT, TinyViT and Hiera, then EfficientViT; of RepViT, which has none, the
# mixing of channels, in either form. The mask decoder's layers have other names.
ENCODER_TARGETS = (
    "attn.qkv",
    "attn.proj",
    "context_module.main.qkv.conv",
    "context_module.main.proj.conv",
    "channel_mixer.m.0.c",
    "channel_mixer.m.2.c",
    "channel_mixer.m.0",
    "channel_mixer.m.2",
)


class LoraLayer(nn.Module):
    """A frozen layer with a low-rank update.

    Takes over the layer's own parameters, under the same names, and freezes them. A and B are float32 even for 16-bit
    weights (float64 for float64): small steps would round to zero in 16 bits.

    Args:
        layer: layer to adapt.
        rank: rows of A and columns of B, at least 1.
        alpha: the update is multiplied by alpha / rank.
        generator: draws A, on its own device, with standard deviation 1 / √in.

    Attributes:
        weight, bias: the layer's, frozen.
        lora_a: (rank, in).
        lora_b: (out, rank), initially zero.
        scale: alpha / rank.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, layer: nn.Linear | nn.Conv2d, *, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        for name, parameter in layer.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        if layer.bias is None:
            self.register_parameter("bias", None)
        self.requires_grad_(False)
        device, dtype = layer.weight.device, torch.promote_types(layer.weight.dtype, torch.float32)
        out_features, in_features = layer.weight.shape[:2]
        drawn = torch.randn(rank, in_features, generator=generator, device=generator.device, dtype=torch.float32)
        self.lora_a = nn.Parameter((drawn / math.sqrt(in_features)).to(device, dtype))
        self.lora_b = nn.Parameter(torch.zeros(out_features, rank, device=device, dtype=dtype))
        self.scale = alpha / rank
        self.train(layer.training)

    @abstractmethod
    def plain(self) -> nn.Linear | nn.Conv2d:
        """Return an untrained layer of the same kind and size, on the meta device."""

    def merged(self) -> nn.Linear | nn.Conv2d:
        """Return an equivalent plain layer, frozen; this one is unchanged."""
        # On "meta" the layer's own initialisation takes no memory and no numbers from the global generator.
        layer = self.plain()
        update = self.scale * (self.lora_b.detach() @ self.lora_a.detach()).view(self.weight.shape)
        weight = (self.weight.detach().to(update.dtype) + update).to(self.weight.dtype)
        # A new tensor, since the old one may be shared with another network.
        layer.weight = nn.Parameter(weight, requires_grad=False)
        layer.bias = self.bias
        return layer.train(self.training)


class LoraLinear(LoraLayer):
    """A linear layer with a low-rank update."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) → (..., out)."""
        update = F.linear(F.linear(x, self.lora_a.to(x.dtype)), self.lora_b.to(x.dtype))
        return F.linear(x, self.weight, self.bias) + self.scale * update

    def plain(self) -> nn.Linear:
        """See `LoraLayer.plain`."""
        out_features, in_features = self.weight.shape
        return nn.Linear(in_features, out_features, bias=self.bias is not None, device="meta")


class LoraConvolution(LoraLayer):
    """A 1×1 convolution with a low-rank update."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) → (B, out, H, W)."""
        a, b = (matrix.to(x.dtype)[:, :, None, None] for matrix in (self.lora_a, self.lora_b))
        return F.conv2d(x, self.weight, self.bias) + self.scale * F.conv2d(F.conv2d(x, a), b)

    def plain(self) -> nn.Conv2d:
        """See `LoraLayer.plain`."""
        out_channels, in_channels = self.weight.shape[:2]
        return nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=self.bias is not None, device="meta")


def add_lora(
    network: nn.Module,
    *,
    rank: int,
    alpha: float | None = None,
    targets: Sequence[str] | None = None,
    generator: torch.Generator,
) -> list[str]:
    """Add low-rank updates to some linear layers and 1×1 convolutions of a network, in place.

    Every parameter of `network` is frozen, so that only A and B are trained; unfreeze others afterwards, e.g.
    ``network.mask_decoder.requires_grad_(True)``. Batch norms update their statistics in training mode even when
    frozen: leave TinyViT, EfficientViT and RepViT in eval mode.

    Args:
        network: a `Sam`, or a part of one.
        rank: rank of the update, at least 1; 4 to 16 are usual.
        alpha: the update is multiplied by alpha / rank; above 0, None for the rank itself, that is, a factor of 1. A
            custom value is not part of `lora_state_dict`, so store it yourself.
        targets: suffixes of layer names, whole words between dots: ``"attn.qkv"`` or ``"qkv"``; None for those of
            `ENCODER_TARGETS` that an image encoder has, its attention if it has any.
        generator: draws the A matrices, in the order of the layers; the global generator is not used.

    Returns:
        Names of the adapted layers.

    Raises:
        SettingsError: rank or alpha is out of range, a target is not a suffix of such a layer's name, or the network
            already has low-rank updates. The network is unchanged.
    """
    if rank < 1:
        raise SettingsError(f"the rank is {rank}; it must be at least 1")
    alpha = rank if alpha is None else alpha
    if not 0 < alpha < math.inf:
        raise SettingsError(f"alpha is {alpha}; it must be a number above 0")
    if any(isinstance(module, LoraLayer) for module in network.modules()):
        raise SettingsError("the network already has low-rank updates; fold them in with merge_lora first")
    layers = _matching(network, targets)
    network.requires_grad_(False)
    for name, layer in layers.items():
        kind = LoraLinear if isinstance(layer, nn.Linear) else LoraConvolution
        network.set_submodule(name, kind(layer, rank=rank, alpha=alpha, generator=generator))
    return list(layers)


def lora_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Copy only the low-rank updates of a network.

    Returns:
        ``<layer>.lora_a`` (rank, in) and ``<layer>.lora_b`` (out, rank) for each adapted layer, on their device;
        later training does not change them.

    Raises:
        SettingsError: the network has no low-rank updates.
    """
    return {key: parameter.detach().clone() for key, parameter in _updates(network).items()}


def load_lora(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load saved low-rank updates into a network prepared by `add_lora` with the same rank, alpha and targets.

    Args:
        network: the same kind of network, or part of one, as was passed to `lora_state_dict`.
        state: its result; any device and float type.

    Raises:
        SettingsError: the network has no low-rank updates.
        WrongCheckpoint: keys or shapes do not match the network, which is unchanged.
    """
    updates = _updates(network)
    for words, keys in (("lacks", updates.keys() - state.keys()), ("has unknown", state.keys() - updates.keys())):
        if keys:
            raise WrongCheckpoint(
                f"the low-rank state {words} {min(keys)!r} and {len(keys) - 1} more keys; call add_lora with the "
                "targets it was trained with, on the same part of the network"
            )
    for key, parameter in updates.items():
        if state[key].shape != parameter.shape:
            raise WrongCheckpoint(
                f"{key!r} is {tuple(state[key].shape)} in the low-rank state and {tuple(parameter.shape)} in the "
                "network; use the variant and the rank it was trained with"
            )
    for key, parameter in updates.items():
        parameter.detach().copy_(state[key])


def merge_lora(network: nn.Module) -> list[str]:
    """Fold the low-rank updates into the weights and restore plain layers, in place.

    Afterwards keys and shapes of the state dict are the published ones. Parameters stay frozen.

    Returns:
        Names of the merged layers.

    Raises:
        SettingsError: the network has no low-rank updates.
    """
    layers = _adapted(network)
    for name, layer in layers.items():
        network.set_submodule(name, layer.merged())
    return list(layers)


def _matching(network: nn.Module, targets: Sequence[str] | None) -> dict[str, nn.Linear | nn.Conv2d]:
    layers = {name: module for name, module in network.named_modules() if _is_linear(module)}
    if targets is None:
        known = [target for target in ENCODER_TARGETS if any(_ends_with(name, target) for name in layers)]
        targets = known or ENCODER_TARGETS[:1]
    unmatched = [target for target in targets if not any(_ends_with(name, target) for name in layers)]
    if unmatched or not targets:
        ends = ", ".join(sorted({name.rpartition(".")[2] for name in layers}))
        raise SettingsError(
            f"no linear layer matches {', '.join(map(repr, unmatched)) or 'an empty list of targets'}; "
            f"this network has: {ends or 'no linear layers'}"
        )
    return {name: layer for name, layer in layers.items() if any(_ends_with(name, target) for target in targets)}


def _is_linear(module: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Return whether it is a linear layer: of a token's features, or of a pixel's channels (a 1×1 convolution)."""
    # Exactly these types: merging would replace a subclass by its base.
    if type(module) is nn.Conv2d:
        return (module.kernel_size, module.stride, module.padding, module.groups) == ((1, 1), (1, 1), (0, 0), 1)
    return type(module) is nn.Linear


def _ends_with(name: str, target: str) -> bool:
    return f".{name}".endswith(f".{target}")


def _adapted(network: nn.Module) -> dict[str, LoraLayer]:
    layers = {name: module for name, module in network.named_modules() if isinstance(module, LoraLayer)}
    if not layers:
        raise SettingsError("the network has no low-rank updates; call add_lora first")
    return layers


def _updates(network: nn.Module) -> dict[str, nn.Parameter]:
    return {
        f"{name}.{which}": getattr(layer, which)
        for name, layer in _adapted(network).items()
        for which in ("lora_a", "lora_b")
    }
