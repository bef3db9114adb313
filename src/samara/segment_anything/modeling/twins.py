"""Conversion between samara's and the official network classes: different modules, shared parameters.

A twin is free to create. Training one trains the other; later changes to layers, hooks and attributes are not shared,
so create a new twin for the current state of a network.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from samara.networks import hq_mask_decoder, mask_decoder, prompt_encoder, tiny_vit, vit
from samara.segment_anything.modeling import hq, image_encoder
from samara.segment_anything.modeling import mask_decoder as official_mask_decoder
from samara.segment_anything.modeling import prompt_encoder as official_prompt_encoder

_OFFICIAL: dict[type[nn.Module], type[nn.Module]] = {
    vit.ImageEncoderViT: image_encoder.ImageEncoderViT,
    vit.Block: image_encoder.Block,
    vit.Attention: image_encoder.Attention,
    vit.PatchEmbed: image_encoder.PatchEmbed,
    prompt_encoder.PromptEncoder: official_prompt_encoder.PromptEncoder,
    prompt_encoder.RandomPositions: official_prompt_encoder.PositionEmbeddingRandom,
    mask_decoder.MaskDecoder: official_mask_decoder.MaskDecoder,
    hq_mask_decoder.HqMaskDecoder: hq.MaskDecoderHQ,
}
_OFFICIAL_WITH_EARLY_FEATURES: dict[type[nn.Module], type[nn.Module]] = {
    vit.ImageEncoderViT: hq.ImageEncoderViT,
    tiny_vit.TinyViT: hq.TinyViT,
}
_SAMARAS = {official: ours for table in (_OFFICIAL, _OFFICIAL_WITH_EARLY_FEATURES) for ours, official in table.items()}


def official_twin(network: nn.Module, *, early_features: bool = False) -> nn.Module:
    """Return the twin of a network part in the official classes.

    Args:
        network: an image encoder, prompt encoder or mask decoder.
        early_features: whether it is an encoder that returns them; its twin returns them as HQ-SAM does.
    """
    classes = _OFFICIAL | _OFFICIAL_WITH_EARLY_FEATURES if early_features else _OFFICIAL
    twin = twin_of(network, classes)
    for module in twin.modules():  # additional attributes of the official constructors
        if isinstance(module, image_encoder.Attention):
            module.use_rel_pos = True
            module.scale = (module.qkv.in_features // module.num_heads) ** -0.5
        elif isinstance(module, hq.MaskDecoderHQ):
            module.num_mask_tokens = module.num_multimask_outputs + 2
    return twin


def samaras_twin(network: nn.Module) -> nn.Module:
    """Return the twin in samara's classes; modules of foreign classes are kept."""
    return twin_of(network, _SAMARAS)


def twin_of(module: nn.Module, classes: Mapping[type[nn.Module], type[nn.Module]]) -> nn.Module:
    """The same network with other classes: those of the table in the place of its own, layer by layer.

    Args:
        module: a network or a part of one.
        classes: its class and those of its layers to the ones wanted; what is not in the table stays.
    """
    if not type(module).__module__.startswith(("samara.", "torch.nn.modules.")):
        return module  # a foreign class, which may not be safe to copy
    twin = copy.copy(module)
    # Separate containers for parameters, layers and hooks, so that additions to one do not affect the other.
    vars(twin).update({name: copy.copy(value) for name, value in vars(module).items() if isinstance(value, dict)})
    twin._modules = {name: child and twin_of(child, classes) for name, child in module._modules.items()}
    twin.__class__ = classes.get(type(module), type(module))
    made_of = vars(module).get("made_of")  # reference for `samara.networks.plain`
    if isinstance(made_of, dict):
        kinds = {name: classes.get(part.kind, part.kind) for name, part in made_of.items()}
        vars(twin)["made_of"] = {name: replace(part, kind=kinds[name]) for name, part in made_of.items()}
    return twin
