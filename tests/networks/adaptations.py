"""Ways in which people change a network that was loaded: each changes what it gives, none by its plain weights."""

from __future__ import annotations

import functools
import types
import warnings

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune


class LoraOfPeft(nn.Module):
    """As peft wraps a layer: the old one inside, its weight still to be reached from outside."""

    def __init__(self, base_layer):
        super().__init__()
        self.base_layer = base_layer
        self.lora_A = nn.Linear(base_layer.in_features, 2, bias=False)
        self.lora_B = nn.Linear(2, base_layer.out_features, bias=False)

    @property
    def weight(self):
        return self.base_layer.weight

    @property
    def bias(self):
        return self.base_layer.bias

    @property
    def out_features(self):
        return self.base_layer.out_features

    def forward(self, x):
        return self.base_layer(x) + 0.5 * self.lora_B(self.lora_A(x))


class LoraLinear(nn.Linear):
    """As loralib does it: a subclass."""

    def forward(self, x):
        return super().forward(x) * 1.3


class Wrapped(nn.Module):
    """Anything around a module, with the official arguments."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args, **kwargs):
        result = self.inner(*args, **kwargs)
        return tuple(part * 0.9 for part in result) if isinstance(result, tuple) else result * 0.9


class Noisy(nn.Module):
    def forward(self, weight):
        return weight * 1.2


def _attention(decoder):
    return decoder.transformer.layers[0].cross_attn_token_to_image


def _shifted(module, arguments, output):
    return tuple(part * 1.2 + 0.1 for part in output) if isinstance(output, tuple) else output * 1.2 + 0.1


def _scaled_input(module, arguments):
    return tuple(part * 1.1 if isinstance(part, torch.Tensor) else part for part in arguments)


def _scaled_tokens(old, *args, **kwargs):
    tokens, image = old(*args, **kwargs)
    return tokens * 1.1, image


def lora_of_peft(decoder):
    for attention in (_attention(decoder), decoder.transformer.layers[1].cross_attn_image_to_token):
        attention.q_proj, attention.v_proj = LoraOfPeft(attention.q_proj), LoraOfPeft(attention.v_proj)


def lora_subclass(decoder):
    old = _attention(decoder).k_proj
    new = LoraLinear(old.in_features, old.out_features)
    new.load_state_dict(old.state_dict())
    _attention(decoder).k_proj = new


def sequence_of_layers(decoder):
    old = _attention(decoder).v_proj
    _attention(decoder).v_proj = nn.Sequential(old, nn.Linear(old.out_features, old.out_features))


def layer_without_bias(decoder):
    old = _attention(decoder).v_proj
    _attention(decoder).v_proj = nn.Linear(old.in_features, old.out_features, bias=False)


def forward_of_its_own(decoder):
    layer = decoder.transformer.layers[1].cross_attn_token_to_image.v_proj
    layer.forward = types.MethodType(lambda self, x: nn.Linear.forward(self, x) * 1.3, layer)


def forward_in_a_partial(decoder):
    block = decoder.transformer.layers[0]
    block.forward = functools.partial(_scaled_tokens, block.forward)


def weight_norm(decoder):
    parametrizations.weight_norm(_attention(decoder).k_proj)
    with torch.no_grad():
        _attention(decoder).k_proj.parametrizations.weight.original0.mul_(1.4)


def parametrization(decoder):
    parametrize.register_parametrization(decoder.transformer.final_attn_token_to_image.k_proj, "weight", Noisy())


def pruned(decoder):
    prune.l1_unstructured(decoder.transformer.layers[0].cross_attn_image_to_token.out_proj, "weight", amount=0.5)


def quantised(decoder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, about its own future
        torch.ao.quantization.quantize_dynamic(decoder, {nn.Linear}, dtype=torch.qint8, inplace=True)


def replaced_block(decoder):
    decoder.transformer.layers[1] = Wrapped(decoder.transformer.layers[1])


def replaced_transformer(decoder):
    decoder.transformer = Wrapped(decoder.transformer)


def _hook_on(pick):
    def adapt(decoder):
        pick(decoder).register_forward_hook(_shifted)

    return adapt


def pre_hook(decoder):
    _attention(decoder).v_proj.register_forward_pre_hook(_scaled_input)


def pre_hook_on_the_upscaling(decoder):
    decoder.output_upscaling.register_forward_pre_hook(_scaled_input)


ADAPTATIONS = {
    adapt.__name__: adapt
    for adapt in (
        lora_of_peft, lora_subclass, sequence_of_layers, layer_without_bias, forward_of_its_own, forward_in_a_partial,
        weight_norm, parametrization, pruned, quantised, replaced_block, replaced_transformer, pre_hook,
        pre_hook_on_the_upscaling,
    )
} | {
    f"hook on {name}": _hook_on(pick)
    for name, pick in {
        "a layer": lambda decoder: _attention(decoder).q_proj,
        "a norm": lambda decoder: decoder.transformer.layers[1].norm4,
        "an attention": _attention,
        "a block": lambda decoder: decoder.transformer.layers[0],
        "the transformer": lambda decoder: decoder.transformer,
        "the decoder": lambda decoder: decoder,
        "the upscaling": lambda decoder: decoder.output_upscaling,
        "a layer of the upscaling": lambda decoder: decoder.output_upscaling[3],
        "a hypernetwork": lambda decoder: decoder.output_hypernetworks_mlps[1],
        "the IoU head": lambda decoder: decoder.iou_prediction_head,
    }.items()
}  # fmt: skip
"""Name → changes a mask decoder in place."""
