"""How large a network is: parameters, work per image and file, all without running it."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from samara.measurement.records.numbers import Number, without_value
from samara.networks.variants import Variant, build_network


def sizes(variant: Variant, input_size: int, file_bytes: int | None) -> list[Number]:
    """Measure a variant.

    Args:
        variant: one that samara runs.
        input_size: side of the network input in pixels.
        file_bytes: length of the checkpoint's file; None if nobody knows.

    Raises:
        WrongCheckpoint: samara has no network for the variant.
    """
    with torch.device("meta"):  # shapes without numbers: neither memory nor time
        network = build_network(variant, input_size).eval()
    encoder = encoder_of(network)
    return [
        Number(metric="parameters", value=float(parameters(network))),
        Number(metric="encoder_parameters", value=float(parameters(encoder))),
        Number(metric="encoder_flops", value=float(count_flops(encoder, input_size))),
        without_value("file_bytes", "not applicable", "the length of its file is not known")
        if file_bytes is None
        else Number(metric="file_bytes", value=float(file_bytes)),
    ]


def encoder_of(network: nn.Module) -> nn.Module:
    """The part that looks at an image; the whole network where there is no other part."""
    encoder = getattr(network, "image_encoder", network)
    assert isinstance(encoder, nn.Module), "image_encoder is a network"
    return encoder


def parameters(network: nn.Module) -> int:
    """Parameters, buffers not counted."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_flops(encoder: nn.Module, input_size: int) -> int:
    """Count floating-point operations for one image, a multiply-add as two; on the device of the network.

    Counted are matrix products, attention and convolutions, as PyTorch's counter does; additions, norms and
    activations are left out, which is below a hundredth.
    """
    device = next(encoder.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder(torch.zeros(1, 3, input_size, input_size, device=device))
    return int(counter.get_total_flops())
