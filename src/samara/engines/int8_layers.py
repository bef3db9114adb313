"""Linear layers of an image encoder in 8-bit integers, for GPUs: weights once, activations as they come, by torchao.

Unlike OpenVINO's int8 this needs no calibration: each row of activations is scaled by its own maximum. It pays only in
a compiled encoder, where scaling is part of the kernels around a product.
"""

from __future__ import annotations

from torch import nn

from samara.engines.kinds import INT8_ON_GPUS
from samara.system.extras import require


def with_int8_layers(encoder: nn.Module) -> nn.Module:
    """Replace the weights of the linear layers in place by 8-bit integers, and return the encoder.

    Raises:
        MissingExtra: torchao is not installed.
    """
    require(INT8_ON_GPUS.library, INT8_ON_GPUS.extra, "int8 on a GPU")
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    quantize_(encoder, Int8DynamicActivationInt8WeightConfig(), filter_fn=lambda layer, _: isinstance(layer, nn.Linear))
    return encoder
