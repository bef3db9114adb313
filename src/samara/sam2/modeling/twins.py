"""A network of samara as one of the official classes, and back: other modules, the same parameters.

See `samara.segment_anything.modeling.twins`, which does this for SAM. SAM 2's parts are also cut elsewhere: what
samara's image encoder holds, the official network has in its mask decoder and by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from samara.networks import fpn_neck, hiera, prompt_encoder, sam2_mask_decoder, sam2_prompt_encoder
from samara.networks.plain import Parts
from samara.networks.sam import Sam
from samara.networks.sam2_image_encoder import Sam2ImageEncoder
from samara.sam2.modeling.backbones import hieradet, image_encoder
from samara.sam2.modeling.position_encoding import PositionEmbeddingRandom
from samara.sam2.modeling.sam import mask_decoder as official_mask_decoder
from samara.sam2.modeling.sam import prompt_encoder as official_prompt_encoder
from samara.segment_anything.modeling.twins import twin_of

SCALP = 1
"""Levels that the published networks leave out."""

_OFFICIAL: dict[type[nn.Module], type[nn.Module]] = {
    hiera.Hiera: hieradet.Hiera,
    fpn_neck.FpnNeck: image_encoder.FpnNeck,
    sam2_prompt_encoder.Sam2PromptEncoder: official_prompt_encoder.PromptEncoder,
    prompt_encoder.RandomPositions: PositionEmbeddingRandom,
    sam2_mask_decoder.Sam2MaskDecoder: official_mask_decoder.MaskDecoder,
}
_SAMARAS = {official: ours for ours, official in _OFFICIAL.items()}
_REDUCING = ("conv_s0", "conv_s1")
# The published order of the mask decoder's layers, by which saved optimizers know their parameters.
_IN_DECODER = (
    "transformer",
    "iou_token",
    "mask_tokens",
    "obj_score_token",
    "output_upscaling",
    *_REDUCING,
    "output_hypernetworks_mlps",
    "iou_prediction_head",
    "pred_obj_score_head",
)


@dataclass(frozen=True)
class OfficialParts:
    """A network of SAM 2 as the official code cuts it.

    Attributes:
        image_encoder: trunk and neck.
        sam_prompt_encoder: the prompt encoder.
        sam_mask_decoder: the mask decoder, with the two convolutions that make the finer maps.
        no_mem_embed: (1, 1, C), what stands for a memory where there is none.
        encoder_made_of: what samara's image encoder was made as, see `samara.networks.plain`.
    """

    image_encoder: image_encoder.ImageEncoder
    sam_prompt_encoder: nn.Module
    sam_mask_decoder: nn.Module
    no_mem_embed: nn.Parameter
    encoder_made_of: Parts


def official_parts(network: Sam) -> OfficialParts:
    """A network of samara's SAM 2 in parts of the official classes."""
    encoder: Any = network.image_encoder  # Any: of its parts
    decoder = twin_of(network.mask_decoder, _OFFICIAL)
    for name in _REDUCING:
        decoder.add_module(name, twin_of(getattr(encoder, name), _OFFICIAL))
    decoder._modules = dict(sorted(decoder._modules.items(), key=lambda layer: _IN_DECODER.index(layer[0])))
    return OfficialParts(
        image_encoder=image_encoder.ImageEncoder(
            twin_of(encoder.trunk, _OFFICIAL), twin_of(encoder.neck, _OFFICIAL), scalp=SCALP
        ),
        sam_prompt_encoder=twin_of(network.prompt_encoder, _OFFICIAL),
        sam_mask_decoder=decoder,
        no_mem_embed=encoder.no_mem_embed,
        encoder_made_of=encoder.made_of,
    )


def samaras_prompt_encoder(encoder: nn.Module) -> nn.Module:
    """The prompt encoder of samara's class; one of a class that somebody else wrote stays what it is."""
    return twin_of(encoder, _SAMARAS)


def samaras_mask_decoder(decoder: nn.Module) -> nn.Module:
    """The mask decoder of samara's class, without the convolutions; one of another class stays what it is."""
    twin = twin_of(decoder, _SAMARAS)
    if twin is not decoder:
        for name in _REDUCING:
            twin._modules.pop(name, None)
    return twin


def samaras_image_encoder(
    encoder: image_encoder.ImageEncoder, decoder: nn.Module, no_mem_embed: nn.Parameter, made_of: Parts
) -> Sam2ImageEncoder:
    """The image encoder of samara's class, of the parts that the official network keeps apart.

    Args:
        encoder: trunk and neck.
        decoder: the official mask decoder, for the two convolutions.
        no_mem_embed: (1, 1, C).
        made_of: from `official_parts`, so that what was adapted since then is seen.
    """
    with torch.device("meta"):  # its own layers are replaced at once; no random number is drawn for them
        whole = Sam2ImageEncoder(twin_of(encoder.trunk, _SAMARAS))  # type: ignore[arg-type]  # an engine looks itself
    whole.neck = twin_of(encoder.neck, _SAMARAS)  # type: ignore[assignment]
    for name in _REDUCING:
        setattr(whole, name, twin_of(getattr(decoder, name), _SAMARAS))
    whole.no_mem_embed = no_mem_embed
    whole.made_of = made_of
    return whole
