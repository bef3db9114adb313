"""samara_mini from the original packages' own classes; imported on their side only."""

import torch
from mobile_sam.modeling.tiny_vit_sam import TinyViT

from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

SIZE = 512


class AnySize(TinyViT):
    """MobileSAM's own has 64 x 64 written into it."""

    def forward_features(self, x):
        x = self.patch_embed(x)
        for layer in self.layers:
            x = layer(x)
        return self.neck(x.transpose(1, 2).unflatten(2, (SIZE // 16, SIZE // 16)))


def build(own, checkpoint=None):
    """The network in eval mode; without a checkpoint with the weights in the file `own`."""
    sam = Sam(
        image_encoder=AnySize(
            img_size=SIZE,
            in_chans=3,
            num_classes=1000,
            embed_dims=[64, 128, 160, 320],
            depths=[2, 2, 6, 2],
            num_heads=[2, 4, 5, 10],
            window_sizes=[7, 7, 14, 7],
            mlp_ratio=4.0,
            drop_path_rate=0.0,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=256,
            image_embedding_size=(SIZE // 16, SIZE // 16),
            input_image_size=(SIZE, SIZE),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        ),
    )
    sam.load_state_dict(torch.load(checkpoint or own, map_location="cpu", weights_only=True))
    return sam.eval()  # after loading: TinyViT keeps its attention biases from the call
