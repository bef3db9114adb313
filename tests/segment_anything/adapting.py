"""Ways in which programs adapt a network: each changes what it computes, and none may be passed over."""

from __future__ import annotations

import torch
from torch import nn


class LowRank(nn.Module):
    """LoRA as many programs write it by hand: a wrapper that calls the layer and adds to it."""

    def __init__(self, linear, scale=0.3):
        super().__init__()
        self.linear = linear
        generator = torch.Generator().manual_seed(0)
        self.a = nn.Parameter(torch.randn(2, linear.in_features, generator=generator) / linear.in_features**0.5)
        self.b = nn.Parameter(torch.randn(linear.out_features, 2, generator=generator) * scale)

    def forward(self, x):
        return self.linear(x) + x @ self.a.T @ self.b.T


class OnQkv(nn.Module):
    """Sam_LoRA's form: queries and values of the joint layer, four dimensions, written in place."""

    def __init__(self, qkv):
        super().__init__()
        self.qkv = qkv
        self.dim = qkv.in_features
        self.more = nn.Linear(self.dim, self.dim, bias=False)
        torch.manual_seed(0)
        nn.init.normal_(self.more.weight, std=0.3)

    def forward(self, x):
        qkv = self.qkv(x)
        qkv[:, :, :, : self.dim] += self.more(x)
        qkv[:, :, :, -self.dim :] += self.more(x)
        return qkv


def lora_on_projections(sam):
    """As peft does with target_modules="q_proj,v_proj"."""
    for module in list(sam.mask_decoder.modules()):
        for name in ("q_proj", "v_proj"):
            if isinstance(getattr(module, name, None), nn.Linear):
                setattr(module, name, LowRank(getattr(module, name)))


def lora_on_qkv(sam):
    for block in sam.image_encoder.blocks:
        block.attn.qkv = OnQkv(block.attn.qkv)


def data_parallel(sam):
    """Wrapped, and changed below, so that a form that unwraps differs from one that forgets the wrapped."""
    lora_on_projections(sam)
    sam.mask_decoder = nn.DataParallel(sam.mask_decoder)
    sam.prompt_encoder = nn.DataParallel(sam.prompt_encoder)


def hook_on_a_layer(sam):
    sam.mask_decoder.transformer.layers[0].mlp.register_forward_hook(lambda module, inputs, output: output * 0.5)


def hook_on_the_decoder(sam):
    sam.mask_decoder.register_forward_hook(lambda module, inputs, output: (output[0] + 1, output[1] + 0.01))


def another_forward(sam):
    usual = sam.mask_decoder.forward

    def forward(*args, **kwargs):
        logits, iou = usual(*args, **kwargs)
        return logits - 0.5, iou + 0.02

    sam.mask_decoder.forward = forward


def another_decoder(sam):
    class Decoder(type(sam.mask_decoder)):
        """A subclass with the official signature."""

        def predict_masks(self, image_embeddings, image_pe, sparse_prompt_embeddings, dense_prompt_embeddings):
            logits, iou = super().predict_masks(
                image_embeddings, image_pe, sparse_prompt_embeddings, dense_prompt_embeddings
            )
            return logits + 0.7, iou

    sam.mask_decoder.__class__ = Decoder


def another_prompt_encoder(sam):
    class Encoder(type(sam.prompt_encoder)):
        """A subclass with the official signature."""

        def forward(self, points, boxes, masks):
            sparse, dense = super().forward(points, boxes, masks)
            return sparse * 1.2, dense

    sam.prompt_encoder.__class__ = Encoder


def other_point_embedding(sam):
    class Encoder(type(sam.prompt_encoder)):
        """A subclass that overrides a private method with its official arguments."""

        def _embed_points(self, points, labels, pad):
            return super()._embed_points(points + 2, labels, pad)

    sam.prompt_encoder.__class__ = Encoder


ADAPTATIONS = (
    lora_on_projections,
    lora_on_qkv,
    data_parallel,
    hook_on_a_layer,
    hook_on_the_decoder,
    another_forward,
    another_decoder,
    another_prompt_encoder,
    other_point_embedding,
)
