"""LoRA as Sam_LoRA, SAMed and their like put it: a module in place of each block's `attn.qkv`, q and v adapted."""

import numpy as np
import torch
from files import stacked
from torch import nn

from segment_anything import SamAutomaticMaskGenerator, SamPredictor
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer


class Adapted(nn.Module):
    def __init__(self, qkv, rank):
        super().__init__()
        self.qkv, self.dim = qkv, qkv.in_features
        self.down_q, self.down_v = nn.Linear(self.dim, rank, bias=False), nn.Linear(self.dim, rank, bias=False)
        self.up_q, self.up_v = nn.Linear(rank, self.dim, bias=False), nn.Linear(rank, self.dim, bias=False)

    def forward(self, x):
        out = self.qkv(x)
        out[:, :, :, : self.dim] += self.up_q(self.down_q(x))
        out[:, :, :, -self.dim :] += self.up_v(self.down_v(x))
        return out


def small_sam():
    """A small ViT SAM from its parts, as research code builds its own sizes."""
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=256,
            patch_size=16,
            in_chans=3,
            embed_dim=96,
            depth=3,
            num_heads=4,
            mlp_ratio=4,
            out_chans=64,
            qkv_bias=True,
            norm_layer=lambda width: nn.LayerNorm(width, eps=1e-6),
            use_rel_pos=True,
            window_size=7,
            global_attn_indexes=[2],
        ),
        prompt_encoder=PromptEncoder(64, (16, 16), (256, 256), 16),
        mask_decoder=MaskDecoder(
            transformer_dim=64,
            transformer=TwoWayTransformer(depth=2, embedding_dim=64, num_heads=4, mlp_dim=128),
            num_multimask_outputs=3,
            iou_head_depth=3,
            iou_head_hidden_dim=64,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )


def numbered(module):
    """The same weights on both sides, whatever order a constructor draws its own in."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, value in sorted(module.state_dict().items()):
            if value.is_floating_point() and "pixel" not in name:
                scale = 1.0 if "gaussian" in name or (name.endswith("weight") and value.dim() == 1) else 0.08
                drawn = torch.randn(value.shape, generator=generator) * scale
                value.copy_(1 + drawn.abs() if name.endswith("running_var") else drawn)


def run(files):
    sam = small_sam()
    numbered(sam)
    for parameter in sam.image_encoder.parameters():
        parameter.requires_grad = False
    for block in sam.image_encoder.blocks:
        block.attn.qkv = Adapted(block.attn.qkv, 4)
    numbered(sam)
    image = torch.from_numpy(files.pixels[:192, :256].copy()).permute(2, 0, 1).float()
    sam.train()
    trained = [parameter for name, parameter in sam.named_parameters() if "down" in name or "up_" in name]
    optimiser = torch.optim.SGD(trained, lr=0.05)
    losses = []
    for _ in range(2):
        embedding = sam.image_encoder(sam.preprocess(image)[None])
        sparse, dense = sam.prompt_encoder(points=None, boxes=torch.tensor([[20.0, 20, 200, 150]]), masks=None)
        low, iou = sam.mask_decoder(
            image_embeddings=embedding,
            image_pe=sam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
        loss = sam.postprocess_masks(low, (192, 256), (192, 256)).sigmoid().mean() + iou.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    sam.eval()
    predictor = SamPredictor(sam)
    predictor.set_image(files.pixels[:192, :256])
    masks, scores, logits = predictor.predict(np.array([[100, 90]]), np.array([1]))
    with torch.no_grad():
        sam.mask_decoder.iou_prediction_head.layers[-1].bias += 1
    generator = SamAutomaticMaskGenerator(sam, points_per_side=4, pred_iou_thresh=-9, stability_score_thresh=0)
    return stacked(generator.generate(files.pixels[:192, :256])) | {
        "losses": losses,
        "masks": masks,
        "scores": scores,
        "logits": logits,
        "trained": np.concatenate([parameter.detach().numpy().ravel() for parameter in trained]),
    }
