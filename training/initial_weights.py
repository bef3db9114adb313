"""Weights to begin with, such that the decoder knows where a prompt is before it has learnt anything.

SAM's decoder must learn from random weights that a token should look at the place that its prompt names. Positions are
random Fourier features there, of low frequency only, and queries and keys are projected independently, so that at
first every place looks alike. With a billion masks that is learnt in passing; with seventy thousand it takes most of
the training. Two choices, both within SAM's architecture, make a token look at its own place from the first step:

* frequencies from a quarter to six periods per half picture, evenly on a logarithmic scale, so that neighbouring
  cells of the grid differ clearly (Tancik et al. 2020 on the choice of the scale);
* query and key projections of cross-attention begin equal, so that their product is the likeness of the positions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from samara.networks.sam import Sam
from samara.networks.two_way_transformer import Attention

_LOWEST, _HIGHEST = 0.25, 6.0
_SHARPNESS = 2.5


@torch.no_grad()
def prepare(network: Sam, generator: torch.Generator) -> None:
    """Change freshly drawn weights of a network, in place."""
    positions: Tensor = network.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix  # (2, features)
    positions.copy_(_frequencies(positions.shape[1], generator))
    for name, module in network.mask_decoder.transformer.named_modules():
        if isinstance(module, Attention) and "self_attn" not in name:
            _look_alike(module.q_proj, module.k_proj)


def _frequencies(count: int, generator: torch.Generator) -> Tensor:
    """(2, count): directions even over the circle, magnitudes even over the logarithm."""
    magnitude = torch.exp(torch.linspace(math.log(_LOWEST), math.log(_HIGHEST), count))
    angle = torch.rand(count, generator=generator) * 2 * math.pi
    return torch.stack([angle.cos(), angle.sin()]) * magnitude


def _look_alike(query: nn.Linear, key: nn.Linear) -> None:
    query.weight.mul_(_SHARPNESS)
    key.weight.copy_(query.weight)
    query.bias.zero_()
    key.bias.zero_()
