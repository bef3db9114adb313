"""HQ-SAM 2's mask decoder: one mask more on each of SAM 2's. Values: tests/parity/test_sam2_hq_network.py."""

from __future__ import annotations

import pytest
import torch

from samara.networks.hq_mask_decoder import DrawsHqMask
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS
from samara.networks.sam2_hq_mask_decoder import Sam2HqMaskDecoder
from samara.networks.sam2_mask_decoder import ALL_MASKS, Sam2MaskDecoder, Sam2TwoWayTransformer, stability
from tests.networks.test_sam2_mask_decoder import POSITIONS, C, H, W, features_of, numbers, prompts_of

close = torch.testing.assert_close


@pytest.fixture(scope="module")
def decoder():
    decoder = Sam2HqMaskDecoder(transformer=Sam2TwoWayTransformer(embedding_dim=C, mlp_dim=48), transformer_dim=C)
    for index, parameter in enumerate(decoder.parameters()):
        parameter.data = 0.3 * numbers(*parameter.shape, seed=index) + (1.0 if parameter.ndim == 1 else 0.0)
    return decoder.eval()


@pytest.fixture(scope="module")
def sam(decoder):
    """SAM 2's decoder with the same weights."""
    plain = Sam2MaskDecoder(transformer=Sam2TwoWayTransformer(embedding_dim=C, mlp_dim=48), transformer_dim=C)
    _, unexpected = plain.load_state_dict(decoder.state_dict(), strict=False)
    assert {name.split(".")[0] for name in unexpected} == {"hf_token", "hf_mlp", "embedding_maskfeature"}
    return plain.eval()


def look(decoder, count=3):
    return decoder.look(features_of(), POSITIONS, *prompts_of(count))


def test_each_mask_is_sams_with_the_hq_mask_added(decoder, sam):
    found = look(decoder)
    sparse, dense = prompts_of(3)
    # For SAM, the HQ token is one more prompt.
    more = torch.cat([decoder.hf_token.weight.expand(3, 1, C), sparse], dim=1)
    plain = sam.look(features_of(), POSITIONS, more, dense)
    close(found.predicted_iou, plain.predicted_iou)
    drawn, alone = decoder.draw(found, ALL_MASKS), decoder.draw_hq(found)
    assert drawn.shape == (3, 5, 4 * H, 4 * W)
    close(drawn[:, :4] - alone, sam.draw(plain, ALL_MASKS), rtol=1e-4, atol=1e-4)
    close(drawn[:, 4:], alone)
    for masks in (SINGLE_MASK, THREE_MASKS):
        close(decoder.draw(found, masks), drawn[:, :4][:, masks])


def test_sams_masks_decide_which_is_the_single_one(decoder, sam):
    sparse, dense = prompts_of(40)
    found = decoder.look(features_of(), POSITIONS, 3 * sparse + 2 * numbers(40, 2, C, seed=8), dense)
    drawn, alone = decoder.draw(found, ALL_MASKS), decoder.draw_hq(found)
    by_sam = stability(drawn[:, :1] - alone)[:, 0] >= 0.98
    by_sum = stability(drawn[:, :1])[:, 0] >= 0.98
    assert (by_sam != by_sum).any()
    best = 1 + found.predicted_iou[:, THREE_MASKS].argmax(dim=1)
    chosen = torch.where(by_sam, 0, best)
    logits, iou = decoder.draw_single(found)
    close(logits[:, 0], drawn[torch.arange(40), chosen])
    close(iou[:, 0], found.predicted_iou[torch.arange(40), chosen])


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("count", [0, 3])
def test_forward(decoder, multimask, count):
    asked = (features_of(), POSITIONS, *prompts_of(count))
    logits, iou = decoder(*asked, multimask)
    assert logits.shape[:2] == iou.shape == (count, 3 if multimask else 1)
    only, iou_of_only = decoder(*asked, multimask, hq_token_only=True)
    assert only.shape[:2] == iou_of_only.shape == (count, 1)
    if count:
        found = look(decoder, count)
        close(only, decoder.draw_hq(found))
        close(iou_of_only[:, 0], iou.max(dim=1).values if multimask else found.predicted_iou[:, 0])


def test_prompts_that_share_an_image_give_the_same_masks(decoder):
    features, (sparse, dense) = features_of(), prompts_of(5)
    with torch.inference_mode():
        quick = decoder.look_shared(decoder.share(features, POSITIONS, dense[:1], torch.float32), sparse)
        plain = decoder.look(features, POSITIONS, sparse, dense)
        close(quick.predicted_iou, plain.predicted_iou, rtol=1e-4, atol=1e-5)
        close(decoder.draw(quick, ALL_MASKS), decoder.draw(plain, ALL_MASKS), rtol=1e-4, atol=1e-3)
        close(decoder.draw_hq(quick[1:3]), decoder.draw_hq(plain)[1:3], rtol=1e-4, atol=1e-3)


def test_it_is_known_by_what_it_draws(decoder, sam):
    assert isinstance(decoder, DrawsHqMask)
    assert not isinstance(sam, DrawsHqMask)
