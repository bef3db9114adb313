"""The official `modeling.sam`: the whole network, from its parts or from a checkpoint loaded by samara."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.engines.loaded import Loaded, Provenance
from samara.errors import PromptError, SettingsError, WrongCheckpoint
from samara.images.preprocessing import pad
from samara.networks import sam as networks
from samara.networks.ranking import scores_of
from samara.networks.variants import Variant
from samara.segment_anything.modeling.hq import MaskDecoderHQ
from samara.segment_anything.modeling.image_encoder import ImageEncoderViT
from samara.segment_anything.modeling.mask_decoder import MaskDecoder
from samara.segment_anything.modeling.prompt_encoder import PromptEncoder
from samara.segment_anything.modeling.twins import official_twin, samaras_twin
from samara.segmentation.predictor import MASK_THRESHOLD

__all__ = ["ImageEncoderViT", "MaskDecoder", "PromptEncoder", "Sam"]


@dataclass(frozen=True)
class Origin:
    """Origin of a network that samara loaded; see `Loaded` for the fields."""

    variant: Variant
    provenance: Provenance
    pred_iou_thresh: float
    stability_score_thresh: float


class Sam(nn.Module):
    """Image encoder, prompt encoder and mask decoder, with the official attributes and methods.

    Its state dict has the published keys, so `load_state_dict` and `torch.save` are compatible with the official
    package. All computations use the current parts, including any replacements or wrappers.

    Args:
        image_encoder: (B, 3, S, S) → (B, C, h, w), for HQ-SAM with a list of early features.
        prompt_encoder: points, boxes and masks → sparse and dense embeddings.
        mask_decoder: embeddings → low-res logits and predicted IoU.
        pixel_mean: mean per channel, on the 0..255 scale.
        pixel_std: standard deviation per channel, on the 0..255 scale.

    Attributes:
        origin: origin of a network from `from_loaded`; None for one from parts.
        hq_token_only: for HQ-SAM, return the HQ mask alone even if a call does not request it.
    """

    mask_threshold: float = MASK_THRESHOLD
    image_format: str = "RGB"
    image_encoder: Any  # Any, for all three: replacements and wrappers may be of any class
    prompt_encoder: Any
    mask_decoder: Any
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        image_encoder: nn.Module,
        prompt_encoder: nn.Module,
        mask_decoder: nn.Module,
        pixel_mean: Sequence[float] = (123.675, 116.28, 103.53),
        pixel_std: Sequence[float] = (58.395, 57.12, 57.375),
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder
        self.register_buffer(
            "pixel_mean", torch.as_tensor(pixel_mean, dtype=torch.float32).view(-1, 1, 1), persistent=False
        )
        self.register_buffer(
            "pixel_std", torch.as_tensor(pixel_std, dtype=torch.float32).view(-1, 1, 1), persistent=False
        )
        self.origin: Origin | None = None
        self.hq_token_only = False

    @classmethod
    def from_loaded(cls, loaded: Loaded) -> Sam:
        """Create the network of a checkpoint from `samara.load`; parameters are shared with it.

        Raises:
            WrongCheckpoint: it finds instances in one pass, or its prompts are in a larger square than its input, where
                the official classes know one size, or its images are prepared differently.
        """
        network, preprocessing = loaded.sam, loaded.variant.preprocessing
        if loaded.frame_size != loaded.input_size:
            raise WrongCheckpoint(
                f"{loaded.name} ({loaded.variant.title}) sees {loaded.input_size} pixels and takes prompts in a frame "
                f"of {loaded.frame_size}, where the official classes know one size; use samara.Predictor and "
                "samara.AutomaticMaskGenerator"
            )
        if (preprocessing.resize, preprocessing.scale) != ("pillow", "fixed"):
            raise WrongCheckpoint(
                f"the images of {loaded.name} ({loaded.variant.title}) are prepared in another way than the official "
                "classes do; use samara.Predictor and samara.AutomaticMaskGenerator"
            )
        sam = cls(
            official_twin(network.image_encoder, early_features=loaded.variant.early_channels > 0),
            official_twin(network.prompt_encoder),
            official_twin(network.mask_decoder),
            preprocessing.mean,
            preprocessing.std,
        )
        # The official attribute: fine-tuning code reads the input size from the encoder.
        setattr(sam.image_encoder, "img_size", loaded.input_size)  # noqa: B010 - mypy assumes a tensor
        sam.origin = Origin(loaded.variant, loaded.provenance, loaded.pred_iou_thresh, loaded.stability_score_thresh)
        sam.hq_token_only = loaded.hq_token_only
        return sam.to(loaded.device).train(network.training)

    def as_loaded(self) -> Loaded:
        """Return the network in its current state for samara's predictor and generator; float32, on its current device.

        Raises:
            SettingsError: The network was made from parts, so its variant is unknown.
        """
        if self.origin is None:
            raise SettingsError(
                "as_loaded supports only networks from sam_model_registry, and this one was made from parts; use "
                "SamPredictor and SamAutomaticMaskGenerator"
            )
        return Loaded(
            network=self.as_samaras(),
            variant=self.origin.variant,
            provenance=self.origin.provenance,
            input_size=input_size_of(self),
            pred_iou_thresh=self.origin.pred_iou_thresh,
            stability_score_thresh=self.origin.stability_score_thresh,
            device=str(self.device),
            precision="float32",
            hq_token_only=self.hq_token_only,
        )

    def as_samaras(self) -> networks.Sam:
        """Return the current parts as a network for samara's engines; parameters are shared."""
        parts = {name: samaras_twin(part) for name, part in self.named_children()}
        return networks.Sam(**parts)  # type: ignore[arg-type]  # engines check the types themselves

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.pixel_mean.device

    def preprocess(self, x: Tensor) -> Tensor:
        """Normalise (..., 3, h, w) on the 0..255 scale and pad to the input square, in the network's dtype."""
        mean, std = self.pixel_mean, self.pixel_std
        exact = torch.promote_types(mean.dtype, torch.float32)  # 16 bits cannot distinguish bright pixels
        normalised = (x.to(exact) - mean.to(exact)) / std.to(exact)
        return pad(normalised.to(mean.dtype), input_size_of(self))

    def postprocess_masks(self, masks: Tensor, input_size: tuple[int, ...], original_size: tuple[int, ...]) -> Tensor:
        """Remove padding and resize: (N, M, 4h, 4w) logits → (N, M, H, W).

        Args:
            masks: low-res logits.
            input_size: (H, W) of the resized image before padding.
            original_size: (H, W) of the image.
        """
        if not len(masks):
            return masks.new_zeros(*masks.shape[:2], *original_size)
        side = input_size_of(self)
        masks = masks.to(torch.promote_types(masks.dtype, torch.float32))
        square = F.interpolate(masks, (side, side), mode="bilinear", align_corners=False)
        cut = square[..., : input_size[0], : input_size[1]]
        return F.interpolate(cut, tuple(original_size), mode="bilinear", align_corners=False)

    def forward(
        self, batched_input: list[dict[str, Any]], multimask_output: bool, hq_token_only: bool = False
    ) -> list[dict[str, Tensor]]:
        """Predict masks for several images, each with its own prompts.

        Gradients are computed only in training mode; the official package disables them in eval mode too.

        Args:
            batched_input: for each image, "image" (3, h, w) on the 0..255 scale, already resized; "original_size" (H,
                W); optionally "point_coords" (N, P, 2), "point_labels" (N, P), "boxes" (N, 4), "mask_inputs" (N, 1, 4h,
                4w), all in the frame of the resized image.
            multimask_output: return three masks per prompt instead of one.
            hq_token_only: for HQ-SAM, return the HQ mask alone.

        Returns:
            For each image, "masks" (N, M, H, W) bool, "iou_predictions" (N, M), "low_res_logits" (N, M, 4h, 4w).

        Raises:
            PromptError: The input is not a list of such dicts.
            SettingsError: `hq_token_only` for a network without an HQ token.
        """
        if not isinstance(batched_input, (list, tuple)) or not all(
            isinstance(record, dict) and {"image", "original_size"} <= record.keys() for record in batched_input
        ):
            raise PromptError(
                "Sam takes a list of dicts, one per image, with at least 'image' and 'original_size', and "
                f"multimask_output; got {type(batched_input).__name__}"
            )
        if not batched_input:
            return []
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            images = torch.stack([self.preprocess(record["image"]) for record in batched_input])
            encoded = self.image_encoder(images)
            return [
                self._answer(record, features, multimask_output, hq_token_only)
                for record, features in zip(batched_input, _one_by_one(encoded), strict=True)
            ]

    def _answer(self, record: dict[str, Any], features: Any, multimask: bool, hq_token_only: bool) -> dict[str, Tensor]:
        points = (record["point_coords"], record["point_labels"]) if "point_coords" in record else None
        prompts = {"points": points, "boxes": record.get("boxes"), "masks": record.get("mask_inputs")}
        low_res_logits, predicted_iou = decode(self, features, prompts, multimask, hq_token_only)
        masks = self.postprocess_masks(low_res_logits, record["image"].shape[-2:], record["original_size"])
        return {
            "masks": masks > self.mask_threshold,
            "iou_predictions": predicted_iou,
            "low_res_logits": low_res_logits,
        }


def decode(
    sam: Any,  # Any: a Sam, or a wrapper that forwards its attributes
    features: Any,  # Any: a tensor, or a tuple for HQ-SAM
    prompts: dict[str, Any],
    multimask: bool,
    hq_token_only: bool = False,
) -> tuple[Tensor, Tensor]:
    """Call prompt encoder and mask decoder as the official code does.

    Args:
        sam: network with the parts.
        features: output of its image encoder for one image.
        prompts: "points", "boxes" and "masks", see `PromptEncoder`.
        multimask: return three masks per prompt.
        hq_token_only: for HQ-SAM, return the HQ mask alone.

    Returns:
        Low-res logits (N, M, 4h, 4w) and predicted IoU (N, M), see `MaskDecoder.scores_of`.

    Raises:
        SettingsError: `hq_token_only` for a network without an HQ token.
    """
    embedding, early = features if isinstance(features, tuple) else (features, None)
    only = hq_token_only or getattr(sam, "hq_token_only", False)
    if only and early is None and not isinstance(sam.mask_decoder, MaskDecoderHQ):
        raise SettingsError("hq_token_only applies only to HQ-SAM; this network has no HQ token")
    more = {} if early is None else {"hq_token_only": only, "interm_embeddings": early}
    sparse, dense = sam.prompt_encoder(**prompts)
    logits, iou = sam.mask_decoder(
        image_embeddings=embedding,
        image_pe=owner_of(sam.prompt_encoder, "get_dense_pe").get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=multimask,
        **more,
    )
    return logits, scores_of(owner_of(sam.mask_decoder, "scores_of"), logits, iou)


def input_size_of(sam: Any) -> int:  # Any: see `decode`
    """Return the side length of the square network input in pixels, from whichever part has it."""
    side = getattr(owner_of(sam.image_encoder, "img_size"), "img_size", None)
    return int(owner_of(sam.prompt_encoder, "input_image_size").input_image_size[0] if side is None else side)


def owner_of(module: Any, attribute: str) -> Any:  # Any: modules of any class
    """Return the outermost module with an attribute: the module itself, or that in a wrapper such as DataParallel."""
    return next((one for one in module.modules() if hasattr(one, attribute)), module)


def _one_by_one(encoded: Any) -> Iterator[Any]:  # Any: a tensor, or a tuple for HQ-SAM
    """Yield the output of an image encoder image by image."""
    if isinstance(encoded, tuple):
        embeddings, early = encoded
        for index in range(len(embeddings)):
            one = slice(index, index + 1)
            yield embeddings[one], [features[one] for features in early]
    else:
        yield from (embedding[None] for embedding in encoded)
