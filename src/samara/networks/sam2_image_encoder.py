"""SAM 2's image encoder: trunk, feature pyramid, and what the official code does to its levels once per image.

Both generations are one network here: what SAM 2.1 added belongs to the video memory. Of that memory one vector is
left, which the official code adds to every image embedding when there is nothing to remember.

The published files keep the two reducing convolutions with the mask decoder and the vector on its own. Here they belong
to the encoder, because they never see a prompt: an image embedding depends on this module alone, so it can be cached,
and a mask decoder can be fine-tuned from cached embeddings. `samara.checkpoints.reading.sam2_names` translates.

Source: Ravi et al. 2024 (SAM 2), section 4 "Image encoder"; facebookresearch/sam2 `modeling/sam2_base.py`
(`forward_image`) and `sam2_image_predictor.py` @2b90b9f.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from samara.networks.architectures import SAM2_MAPS
from samara.networks.finer_maps import pack
from samara.networks.fpn_neck import FpnNeck
from samara.networks.hiera import Hiera
from samara.networks.plain import module_parts


class Sam2ImageEncoder(nn.Module):
    """Encode images into an embedding with finer maps.

    Args:
        trunk: gives the outputs of its four stages.
        channels: C of the embedding.
    """

    def __init__(self, trunk: Hiera, channels: int = 256) -> None:
        super().__init__()
        self.trunk = trunk
        self.neck = FpnNeck(trunk.widths, channels)
        finest, finer = SAM2_MAPS
        self.conv_s0 = nn.Conv2d(channels, finest.channels, kernel_size=1)
        self.conv_s1 = nn.Conv2d(channels, finer.channels, kernel_size=1)
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, channels))
        self.made_of = module_parts(self)

    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: (B, 3, H, W), squashed to the input size and normalised; H and W multiples of 32.

        Returns:
            (B, C + V, H / 16, W / 16): the embedding, then the finer maps, see `samara.networks.finer_maps`.

        Raises:
            ValueError: H or W is not a multiple of 32.
        """
        finest, finer, level, _ = self.neck(self.trunk(images))
        embedding = level + self.no_mem_embed.view(1, -1, 1, 1)
        return pack(embedding, [self.conv_s0(finest), self.conv_s1(finer)])
