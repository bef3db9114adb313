"""Size of a network: parameters, FLOPs per image and file size, all without running it."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from samara.measurement.records.numbers import Number, without_value
from samara.networks.build import build_network
from samara.networks.variants import Variant


def sizes(variant: Variant, input_size: int, file_bytes: int | None) -> list[Number]:
    """Measure a variant.

    Args:
        variant: variant that samara runs.
        input_size: side length of the network input in pixels.
        file_bytes: size of the checkpoint's file; None if unknown.

    Raises:
        WrongCheckpoint: Samara has no network for the variant.
    """
    with torch.device("meta"):  # shapes without values cost neither memory nor time
        network = build_network(variant, input_size).eval()
    encoder = encoder_of(network)
    return [
        Number(metric="parameters", value=float(parameters(network))),
        Number(metric="encoder_parameters", value=float(parameters(encoder))),
        Number(metric="encoder_flops", value=float(count_flops(encoder, input_size))),
        without_value("file_bytes", "not applicable", "its file size is unknown")
        if file_bytes is None
        else Number(metric="file_bytes", value=float(file_bytes)),
    ]


def encoder_of(network: nn.Module) -> nn.Module:
    """Return the image encoder; the whole network if it is not divided."""
    encoder = getattr(network, "image_encoder", network)
    assert isinstance(encoder, nn.Module), "image_encoder is a module"
    return encoder


def parameters(network: nn.Module) -> int:
    """Return the number of parameters, without buffers."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_flops(encoder: nn.Module, input_size: int) -> int:
    """Count floating-point operations for one image, on the network's device; a multiply-add counts as two.

    As PyTorch's counter does, this counts matrix products, attention and convolutions, and leaves out additions, norms
    and activations, which are below 1 %.
    """
    device = next(encoder.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder(torch.zeros(1, 3, input_size, input_size, device=device))
    return int(counter.get_total_flops())
