"""Prompt encoder and mask decoder as one graph, with the inputs of the official ONNX decoder.

Source of the names and of the conventions: segment-anything `utils/onnx.py` @dca509f. Differs from it: N objects per
call instead of one; all masks are returned, the single one first; masks are not upsampled to the image inside the
graph, which takes 4 bytes per pixel and mask and is left to the caller.
"""

from __future__ import annotations

from torch import Tensor, nn

from samara.networks.decoder_graph import LookGraph, draw_graph
from samara.networks.mask_decoder import MaskDecoder
from samara.networks.prompt_encoder import BasePromptEncoder, embed_mask_or_none
from samara.networks.variant import CELL


class PromptedDecoderGraph(nn.Module):
    """Prompts and an image embedding → masks.

    Args:
        prompt_encoder: prompt encoder of the same network as `mask_decoder`, both in eval mode.
        mask_decoder: of any family.
        frame_size: side of the input frame in pixels, see `Variant.frame_size`.
        frame_cell: side of a cell of the embedding grid in that frame, in pixels.
    """

    def __init__(
        self, prompt_encoder: BasePromptEncoder, mask_decoder: MaskDecoder, frame_size: int, frame_cell: int = CELL
    ) -> None:
        super().__init__()
        self.size_hw = (frame_size, frame_size)
        self.grid_hw = (frame_size // frame_cell, frame_size // frame_cell)
        self.prompt_encoder, self.mask_decoder = prompt_encoder, mask_decoder
        self.look = LookGraph(mask_decoder, prompt_encoder.get_dense_pe(self.grid_hw))
        self.draw = draw_graph(mask_decoder, self.grid_hw)

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor | None = None,
        has_mask_input: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of N objects in one image.

        Args:
            image_embeddings: (1, C + V, h, w), from the image encoder.
            point_coords: (N, P, 2) float32, (x, y) in pixels of the input frame.
            point_labels: (N, P) float32: 1 foreground, 0 background, 2 and 3 the corners of a box, −1 padding. Without
                a box, and always for SAM 2, the last point must be padding, as in the official graph. EfficientSAM
                uses the first six, and pads them itself.
            mask_input: (1, 1, 4h, 4w) float32 logits, for all N; None for a network without mask prompts.
            has_mask_input: (1,) float32, 1 to use them; None as before.

        Returns:
            iou_predictions: (N, 4), for the single mask and the three; HQ-SAM (N, 2), for the single one and the best
                of the three; of a decoder that ranks by stability, that. SAM 2's rule of stability is the caller's, see
                `Sam2MaskDecoder.single_of`.
            low_res_masks: (N, 4 or 2, 4h, 4w) logits; mask where > 0.
        """
        encoder = self.prompt_encoder
        sparse, _ = encoder((point_coords, point_labels), input_size_hw=self.size_hw, grid_hw=self.grid_hw, pad=False)
        if mask_input is None or has_mask_input is None:
            dense = encoder.no_mask()
        else:
            dense = embed_mask_or_none(encoder, mask_input, has_mask_input)
        embedding = self.mask_decoder.embedding_of(image_embeddings)
        iou, weights, image = self.look(embedding + dense, sparse.unsqueeze(0))
        details = self.mask_decoder.details_of(image_embeddings)
        masks = self.draw(weights, image, *([] if details is None else [details]))
        return self.mask_decoder.scores_of(masks, iou), masks
