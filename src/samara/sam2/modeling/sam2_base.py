"""The official `modeling.sam2_base`: the whole network, for images.

Differs from Meta: the network comes from a checkpoint that samara loaded and not from a configuration's parts, and the
methods that only videos need are not there. Their weights are, see `samara.sam2.modeling.memory`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import torch
from torch import Tensor, nn

from samara.checkpoints.file_form import file_form_of
from samara.checkpoints.reading.sam2_names import image_path
from samara.engines.loaded import Loaded, Provenance
from samara.errors import WrongCheckpoint
from samara.networks.plain import Parts
from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.sam import Sam
from samara.networks.sam2_mask_decoder import Sam2MaskDecoder
from samara.networks.variants import Variant
from samara.sam2.modeling import memory, twins
from samara.sam2.videos import VideosNotSupported

__all__ = ["SAM2Base"]

Features = dict[str, Any]
"""What an image encoder gives, see `ImageEncoder.forward`."""

_VECTORS = ("maskmem_tpos_enc", "no_mem_embed", "no_mem_pos_enc", "no_obj_ptr", "no_obj_embed_spatial")
_LAYERS = (
    "image_encoder",
    "mask_downsample",
    "memory_attention",
    "memory_encoder",
    "sam_prompt_encoder",
    "sam_mask_decoder",
    "obj_ptr_proj",
    "obj_ptr_tpos_proj",
)


@dataclass(frozen=True)
class Origin:
    """What is known of a network that samara loaded; see `Loaded` for the fields.

    Attributes:
        encoder_made_of: what its image encoder was made as, see `samara.networks.plain`.
    """

    variant: Variant
    provenance: Provenance
    pred_iou_thresh: float
    stability_score_thresh: float
    encoder_made_of: Parts


def is_official(variant: Variant) -> bool:
    """Whether the official code builds such a network, unlike HQ-SAM 2, which has code of its own."""
    return variant.family == "sam2" and not variant.hq_token


class SAM2Base(nn.Module):
    """SAM 2 or 2.1 with the official attributes; `build_sam2` makes it.

    Its state dict has the published keys, those of the memory too, so that `load_state_dict` and `torch.save`
    interchange with the official package. Everything it computes goes through its parts as they are at that moment,
    whatever replaced or wraps them.

    Args:
        loaded: a checkpoint of the family; parameters are shared with it.

    Attributes:
        image_encoder: trunk and neck: (B, 3, S, S) → levels of features.
        sam_prompt_encoder: points and masks → sparse and dense embeddings.
        sam_mask_decoder: embeddings → low-res logits, predicted IoU, tokens and object score.
        no_mem_embed: (1, 1, C), added to the coarsest level of an image.
        image_size: S, side of the square input in pixels.

    Raises:
        WrongCheckpoint: the checkpoint is of another family.
    """

    image_encoder: Any  # Any, for all three: what replaces or wraps a part may be of any class
    sam_prompt_encoder: Any
    sam_mask_decoder: Any
    no_mem_embed: nn.Parameter

    num_feature_levels = 3
    use_high_res_features_in_sam = True
    directly_add_no_mem_embed = True
    pred_obj_scores = True
    backbone_stride = 16
    num_maskmem = memory.FRAMES
    hidden_dim = memory.CHANNELS
    sam_prompt_embed_dim = memory.CHANNELS
    mem_dim = memory.MEMORY_CHANNELS

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        if not is_official(loaded.variant):
            raise WrongCheckpoint(f"{loaded.name} is {loaded.variant.title}; only SAM 2 and 2.1 run here")
        parts = twins.official_parts(loaded.sam)
        is_later = loaded.variant.name.startswith("sam2.1")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            vectors, layers = memory.learned_vectors(is_later), memory.layers(is_later)
        vectors["no_mem_embed"] = parts.no_mem_embed
        layers |= {
            "image_encoder": parts.image_encoder,
            "sam_prompt_encoder": parts.sam_prompt_encoder,
            "sam_mask_decoder": parts.sam_mask_decoder,
        }
        # In the published order, by which saved optimizers know their parameters.
        for name in _VECTORS:
            self.register_parameter(name, vectors[name])
        for name in _LAYERS:
            self.add_module(name, layers[name])
        self.image_size = loaded.input_size
        self.sam_image_embedding_size = loaded.input_size // self.backbone_stride
        self.origin = Origin(
            loaded.variant,
            loaded.provenance,
            loaded.pred_iou_thresh,
            loaded.stability_score_thresh,
            parts.encoder_made_of,
        )
        self.to(loaded.device).train(loaded.sam.training)

    @classmethod
    def from_loaded(cls, loaded: Loaded) -> SAM2Base:
        """The network of a checkpoint that `samara.load` loaded, with the memory of its file.

        Raises:
            WrongCheckpoint: the checkpoint is of another family.
        """
        model = cls(loaded)
        if loaded.provenance.path is not None:
            model._remember(file_form_of(loaded).memory, loaded.provenance.path)
        return model

    def _remember(self, entries: Mapping[str, Tensor], path: str) -> None:
        """Take the memory's weights from a file, if it has them all."""
        own = self.state_dict()
        wanted = {name: own[name].shape for name in image_path(own).memory}
        if {name: entry.shape for name, entry in entries.items()} == wanted:
            self.load_state_dict({name: entry.float() for name, entry in entries.items()}, strict=False)
        else:
            warnings.warn(
                f"{path} does not hold the video memory under its published names; images need none of it, but a "
                "state dict saved from this network has random numbers there",
                stacklevel=4,
            )

    def as_loaded(self) -> Loaded:
        """The same network, as it is now, for samara's own predictor and generator; float32, on its present device."""
        origin = self.origin
        return Loaded(
            network=self.as_samaras(),
            variant=origin.variant,
            provenance=origin.provenance,
            input_size=self.image_size,
            pred_iou_thresh=origin.pred_iou_thresh,
            stability_score_thresh=origin.stability_score_thresh,
            device=str(self.device),
            precision="float32",
        )

    def as_samaras(self) -> Sam:
        """The parts, as they are now, joined as samara's engines take them; parameters are shared."""
        return Sam(
            image_encoder=twins.samaras_image_encoder(
                self.image_encoder, self.sam_mask_decoder, self.no_mem_embed, self.origin.encoder_made_of
            ),
            prompt_encoder=cast(PromptEncoder, twins.samaras_prompt_encoder(self.sam_prompt_encoder)),
            mask_decoder=cast(Sam2MaskDecoder, twins.samaras_mask_decoder(self.sam_mask_decoder)),
        ).train(self.training)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return self.no_mem_embed.device

    def forward(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not for images, here as in the official class: use `forward_image`, and the parts.

        Raises:
            VideosNotSupported: always.
        """
        raise VideosNotSupported("SAM2Base is not called as a whole; use SAM2ImagePredictor, or its parts")

    def forward_image(self, img_batch: Tensor) -> Features:
        """Encode images (B, 3, S, S), squashed and normalised.

        Returns:
            As `ImageEncoder.forward`; the two finer levels of "backbone_fpn" already reduced for the mask decoder, to
            (B, 32, S / 4, S / 4) and (B, 64, S / 8, S / 8).
        """
        features: Features = self.image_encoder(img_batch)
        finest, finer, *rest = features["backbone_fpn"]
        decoder = self.sam_mask_decoder
        return features | {"backbone_fpn": [decoder.conv_s0(finest), decoder.conv_s1(finer), *rest]}

    def _prepare_backbone_features(
        self, backbone_out: Features
    ) -> tuple[Features, list[Tensor], list[Tensor], list[tuple[int, int]]]:
        """Flatten levels and positions: (B, C, h, w) → (h · w, B, C); and the (h, w) of each level."""
        levels = backbone_out["backbone_fpn"][-self.num_feature_levels :]
        positions = backbone_out["vision_pos_enc"][-self.num_feature_levels :]
        sizes = [(one.shape[-2], one.shape[-1]) for one in positions]
        flat_levels, flat_positions = (
            [one.flatten(2).permute(2, 0, 1) for one in maps] for maps in (levels, positions)
        )
        return backbone_out.copy(), flat_levels, flat_positions, sizes
