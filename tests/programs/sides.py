"""The two sides of a comparison: the original packages, and samara in their place.

A program imports `segment_anything`, `mobile_sam` or `segment_anything_hq`; on the drop-in's side these names are
`samara.segment_anything` and `samara.segment_anything_hq`, submodules too. Nothing in a program is changed.

Both registries then build samara_mini, whose architecture is MobileSAM's at 512 pixels, under every name: the masks are
those of trained weights, and a program that only knows ViT-H runs in seconds.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from functools import partial

REPLACED = {
    "segment_anything": "samara.segment_anything",
    "mobile_sam": "samara.segment_anything",
    "segment_anything_hq": "samara.segment_anything_hq",
}
SIZE = 512


class Aliases(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `segment_anything.x` as the very module `samara.segment_anything.x`."""

    def find_spec(self, name, path=None, target=None):
        package, dot, rest = name.partition(".")
        if package not in REPLACED:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True, origin=REPLACED[package] + dot + rest)

    def create_module(self, spec):
        own = importlib.import_module(spec.origin)
        self.own_spec = own.__spec__  # the import system writes its own over it
        return own

    def exec_module(self, module):
        module.__spec__ = self.own_spec


def official_mini(own, checkpoint=None):
    """samara_mini from the original packages' own parts; without a checkpoint with the weights in the file `own`."""
    import torch
    from mobile_sam.modeling.tiny_vit_sam import TinyViT
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    class AnySize(TinyViT):
        """MobileSAM's own has 64 x 64 written into it."""

        def forward_features(self, x):
            x = self.patch_embed(x)
            for layer in self.layers:
                x = layer(x)
            return self.neck(x.transpose(1, 2).unflatten(2, (SIZE // 16, SIZE // 16)))

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


def choose(side, own):
    """Make the packages' names mean the original or samara, and every registered name samara_mini.

    Args:
        side: "official" or "samara".
        own: file with samara_mini's weights.

    Returns:
        The registry of `segment_anything` as the package has it.
    """
    if side == "samara":
        sys.meta_path.insert(0, Aliases())
    import mobile_sam
    import segment_anything

    genuine = dict(segment_anything.sam_model_registry)
    build = genuine["samara_mini"] if side == "samara" else partial(official_mini, own)
    for package in (segment_anything, mobile_sam):
        for name in ("default", "vit_h", "vit_l", "vit_b", "vit_t"):
            package.sam_model_registry[name] = build
    return genuine
