"""SAM 2's prompt encoder: SAM's layers, but a box is two points before the clicks, and padding always follows.

So with a box the decoder sees one token more than SAM's, and equal weights produce different masks.

Source: facebookresearch/sam2 @2b90b9f, `sam2_image_predictor.py` (boxes) and `modeling/sam/prompt_encoder.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from samara.networks.prompt_encoder import BOTTOM_RIGHT, TOP_LEFT, PromptEncoder


class Sam2PromptEncoder(PromptEncoder):
    """Encode prompts; arguments as in `PromptEncoder`."""

    always_pads = True

    def forward(
        self,
        points: tuple[Tensor, Tensor] | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
        *,
        input_size_hw: tuple[int, int] | None = None,
        grid_hw: tuple[int, int] | None = None,
        pad: bool | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embed the prompts of N objects; each kind may be absent.

        Args:
            points: coordinates (N, P, 2) and labels (N, P), see `PromptEncoder.forward`.
            boxes: (N, 4) xyxy in the input frame.
            masks: (N, 1, 4h, 4w) logits, usually an earlier output.
            input_size_hw: size of the input frame, if not the one given at construction.
            grid_hw: (h, w), if not the one given at construction.
            pad: whether to append padding; None for yes. False is for points with their own padding.

        Returns:
            sparse: (N, T, C), T = P + 1, P + 3 with a box, 3 with a box alone, 0 with neither.
            dense: (N, C, h, w).
        """
        if boxes is not None:
            points = with_corners(points, boxes)
        return super().forward(points, None, masks, input_size_hw=input_size_hw, grid_hw=grid_hw, pad=pad is not False)


def with_corners(points: tuple[Tensor, Tensor] | None, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Prepend the corners of boxes (N, 4) to the points: coordinates (N, 2 + P, 2) and labels (N, 2 + P)."""
    corners = boxes.reshape(-1, 2, 2)
    # Counted on the device: a copy from the host would wait for all of a GPU's work.
    labels = torch.arange(TOP_LEFT, BOTTOM_RIGHT + 1, device=boxes.device).expand(len(corners), -1)
    if points is None:
        return corners, labels
    coordinates, kinds = points
    return torch.cat([corners, coordinates], dim=1), torch.cat([labels.to(kinds.dtype), kinds], dim=1)
