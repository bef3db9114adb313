"""The official mask decoder: its constructor's options, and what overrides `predict_masks`."""

from __future__ import annotations

import torch
from torch import nn

from samara.segment_anything.modeling import MaskDecoder, TwoWayTransformer


def inputs(prompts=2):
    return torch.randn(1, 32, 3, 3), torch.randn(1, 32, 3, 3), torch.randn(prompts, 4, 32), torch.randn(1, 32, 3, 3)


def decoder(kind=MaskDecoder, **more):
    return kind(transformer=TwoWayTransformer(2, 32, 4, 16), transformer_dim=32, **more).eval()


def test_any_number_of_masks_and_any_activation():
    one = decoder(num_multimask_outputs=5, activation=nn.ReLU, iou_head_depth=2, iou_head_hidden_dim=8)
    assert (one.num_mask_tokens, one.num_multimask_outputs, one.transformer_dim) == (6, 5, 32)
    assert isinstance(one.output_upscaling[4], nn.ReLU)
    for multimask, masks in ((True, 5), (False, 1)):
        logits, iou = one(*inputs(), multimask)
        assert logits.shape == (2, masks, 12, 12)
        assert iou.shape == (2, masks)


def test_predict_masks_gives_all_and_forward_chooses():
    one, given = decoder(), inputs()
    logits, iou = one.predict_masks(*given)
    torch.testing.assert_close(one(*given, True), (logits[:, 1:], iou[:, 1:]))
    torch.testing.assert_close(one(*given, multimask_output=False), (logits[:, :1], iou[:, :1]))


def test_an_overridden_predict_masks_counts():
    class Mine(MaskDecoder):
        """Negates; the official signature."""

        def predict_masks(self, image_embeddings, image_pe, sparse_prompt_embeddings, dense_prompt_embeddings):
            logits, iou = super().predict_masks(
                image_embeddings, image_pe, sparse_prompt_embeddings, dense_prompt_embeddings
            )
            return -logits, iou

    mine, given = decoder(Mine), inputs()
    plain = decoder()
    plain.load_state_dict(mine.state_dict())
    torch.testing.assert_close(mine(*given, True)[0], -plain(*given, True)[0])


def test_a_transformer_of_somebody_elses_gets_one_image_and_its_positions_for_each_prompt():
    class Transformer(nn.Module):
        """Takes its arguments as the official decoder gives them."""

        def forward(self, src, pos_src, tokens):
            assert src.shape == pos_src.shape == (2, 32, 3, 3)
            return tokens, src.flatten(2).transpose(1, 2)

    one = MaskDecoder(transformer=Transformer(), transformer_dim=32)
    assert one(*inputs(), True)[0].shape == (2, 3, 12, 12)
