"""Low-rank adaptation: train two thin matrices next to a frozen linear layer, and fold them in afterwards.

A layer W x + b becomes W x + b + (alpha / rank) · B (A x), with A (rank, in) random and B (out, rank) zero, so that
nothing changes before the first step. The layer keeps its key names (``weight``, ``bias``) and gains ``lora_a`` and
``lora_b``; after `merge_lora` only the published names are left.

Source: Hu et al. 2021 (LoRA), section 4.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.errors import SettingsError, WrongCheckpoint

# The attention of the image encoder, for both ViT and TinyViT; the mask decoder's layers have other names.
ATTENTION_PROJECTIONS = ("attn.qkv", "attn.proj")


class LoraLinear(nn.Module):
    """A frozen linear layer with a low-rank update.

    Takes over the layer's own parameters, under the same names, and freezes them. A and B are float32 even for 16-bit
    weights (float64 for float64): small steps would round to zero in 16 bits.

    Args:
        linear: the layer to adapt.
        rank: rows of A and columns of B, at least 1.
        alpha: the update is multiplied by alpha / rank.
        generator: draws A, on its own device, with standard deviation 1 / √in.

    Attributes:
        weight, bias: the layer's, frozen.
        lora_a: (rank, in).
        lora_b: (out, rank), initially zero.
        scale: alpha / rank.
    """

    bias: nn.Parameter | None

    def __init__(self, linear: nn.Linear, *, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = linear.weight
        self.register_parameter("bias", linear.bias)
        self.requires_grad_(False)
        device, dtype = linear.weight.device, torch.promote_types(linear.weight.dtype, torch.float32)
        in_features, out_features = linear.in_features, linear.out_features
        drawn = torch.randn(rank, in_features, generator=generator, device=generator.device, dtype=torch.float32)
        self.lora_a = nn.Parameter((drawn / math.sqrt(in_features)).to(device, dtype))
        self.lora_b = nn.Parameter(torch.zeros(out_features, rank, device=device, dtype=dtype))
        self.scale = alpha / rank
        self.train(linear.training)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) → (..., out)."""
        update = F.linear(F.linear(x, self.lora_a.to(x.dtype)), self.lora_b.to(x.dtype))
        return F.linear(x, self.weight, self.bias) + self.scale * update

    def merged(self) -> nn.Linear:
        """Return an equivalent plain linear layer, frozen; this one is unchanged."""
        out_features, in_features = self.weight.shape
        # On "meta" the layer's own initialisation takes no memory and no numbers from the global generator.
        linear = nn.Linear(in_features, out_features, bias=self.bias is not None, device="meta")
        update = self.scale * (self.lora_b.detach() @ self.lora_a.detach())
        weight = (self.weight.detach().to(update.dtype) + update).to(self.weight.dtype)
        # A new tensor, since the old one may be shared with another network.
        linear.weight = nn.Parameter(weight, requires_grad=False)
        linear.bias = self.bias  # type: ignore[assignment]  # None is what nn.Linear itself holds without a bias
        return linear.train(self.training)


def add_lora(
    network: nn.Module,
    *,
    rank: int,
    alpha: float | None = None,
    targets: Sequence[str] = ATTENTION_PROJECTIONS,
    generator: torch.Generator,
) -> list[str]:
    """Add low-rank updates to some linear layers of a network, in place.

    Every parameter of `network` is frozen, so that only A and B are trained; unfreeze others afterwards, e.g.
    ``network.mask_decoder.requires_grad_(True)``. Batch norms update their statistics in training mode even when
    frozen: leave TinyViT in eval mode.

    Args:
        network: a `Sam`, or a part of one.
        rank: rank of the update, at least 1; 4 to 16 are usual.
        alpha: the update is multiplied by alpha / rank; above 0, None for the rank itself, that is, a factor of 1. A
            custom value is not part of `lora_state_dict`, so store it yourself.
        targets: suffixes of layer names, whole words between dots: ``"attn.qkv"`` or ``"qkv"``.
        generator: draws the A matrices, in the order of the layers; the global generator is not used.

    Returns:
        Names of the adapted layers.

    Raises:
        SettingsError: rank or alpha is out of range, a target is not a suffix of a linear layer's name, or the network
            already has low-rank updates. The network is unchanged.
    """
    if rank < 1:
        raise SettingsError(f"the rank is {rank}; it must be at least 1")
    alpha = rank if alpha is None else alpha
    if not 0 < alpha < math.inf:
        raise SettingsError(f"alpha is {alpha}; it must be a number above 0")
    if any(isinstance(module, LoraLinear) for module in network.modules()):
        raise SettingsError("the network already has low-rank updates; fold them in with merge_lora first")
    layers = _matching(network, targets)
    network.requires_grad_(False)
    for name, linear in layers.items():
        network.set_submodule(name, LoraLinear(linear, rank=rank, alpha=alpha, generator=generator))
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
    """Fold the low-rank updates into the weights and restore plain linear layers, in place.

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


def _matching(network: nn.Module, targets: Sequence[str]) -> dict[str, nn.Linear]:
    # Exactly nn.Linear: merging would replace a subclass by it.
    linears = {name: module for name, module in network.named_modules() if type(module) is nn.Linear}
    unmatched = [target for target in targets if not any(_ends_with(name, target) for name in linears)]
    if unmatched or not targets:
        ends = ", ".join(sorted({name.rpartition(".")[2] for name in linears}))
        raise SettingsError(
            f"no linear layer matches {', '.join(map(repr, unmatched)) or 'an empty list of targets'}; "
            f"this network has: {ends or 'no linear layers'}"
        )
    return {name: linear for name, linear in linears.items() if any(_ends_with(name, target) for target in targets)}


def _ends_with(name: str, target: str) -> bool:
    return f".{name}".endswith(f".{target}")


def _adapted(network: nn.Module) -> dict[str, LoraLinear]:
    layers = {name: module for name, module in network.named_modules() if isinstance(module, LoraLinear)}
    if not layers:
        raise SettingsError("the network has no low-rank updates; call add_lora first")
    return layers


def _updates(network: nn.Module) -> dict[str, nn.Parameter]:
    return {
        f"{name}.{which}": getattr(layer, which)
        for name, layer in _adapted(network).items()
        for which in ("lora_a", "lora_b")
    }
