"""Networks as GPUs run them fastest: layers in the computing precision once, and channels last.

Autocast casts the weights of a layer on every call; here they are cast once, by the same rounding, so the results are
the same bits. Norms, positions and everything else that autocast leaves in float32 stay there, so the form runs under
the same autocast as the network. Convolutions have their weights channel by channel in memory, as tensor cores read
them.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from samara.networks.folding import folded, may_fold
from samara.networks.plain import sharing_copy

Network = TypeVar("Network", bound=nn.Module)

CAST_BY_AUTOCAST = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
"""The layers of this package that autocast runs in 16 bits."""


def device_form(network: Network, dtype: torch.dtype) -> Network:
    """Copy a network for inference, with weights in the form that GPUs run fastest.

    Args:
        network: a network of this package, unadapted (`plain.is_plain`), in eval mode.
        dtype: of the layers' weights; float32 to leave them.

    Returns:
        The copy; it shares what is unchanged, and is folded if that pays, see `folding`.
    """
    form = folded(network) if may_fold(network) else sharing_copy(network)
    for layer in form.modules():
        if isinstance(layer, CAST_BY_AUTOCAST):
            for name, weight in list(layer.named_parameters(recurse=False)):
                setattr(layer, name, nn.Parameter(_laid_out(weight.detach().to(dtype)), requires_grad=False))
    return form


def _laid_out(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight
