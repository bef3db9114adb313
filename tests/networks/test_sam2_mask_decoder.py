"""SAM 2's mask decoder: finer maps, choice by stability, many prompts. Values: tests/parity/test_sam2_networks.py."""

from __future__ import annotations

import pytest
import torch

from samara.networks.finer_maps import pack
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, MaskDecoder
from samara.networks.plain import is_plain
from samara.networks.sam2_mask_decoder import Sam2Look, Sam2MaskDecoder, Sam2TwoWayTransformer, stability
from samara.networks.two_way_transformer import TwoWayTransformer

C, H, W = 32, 3, 4


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def decoder():
    """Weights with which no part is near zero or one."""
    transformer = Sam2TwoWayTransformer(embedding_dim=C, mlp_dim=48)
    decoder = Sam2MaskDecoder(transformer=transformer, transformer_dim=C)
    for index, parameter in enumerate(decoder.parameters()):
        parameter.data = 0.3 * numbers(*parameter.shape, seed=index) + (1.0 if parameter.ndim == 1 else 0.0)
    return decoder.eval()


def features_of(images=1, seed=0):
    maps = numbers(images, C // 8, 4 * H, 4 * W, seed=seed + 1), numbers(images, C // 4, 2 * H, 2 * W, seed=seed + 2)
    return pack(numbers(images, C, H, W, seed=seed), maps)


POSITIONS = numbers(1, C, H, W, seed=9)


def prompts_of(count):
    return numbers(count, 2, C, seed=5), numbers(1, C, 1, 1, seed=6).expand(count, C, H, W)


@pytest.mark.parametrize(("multimask", "masks"), [(True, 3), (False, 1)])
@pytest.mark.parametrize("count", [0, 5])
def test_shapes(decoder, multimask, masks, count):
    logits, iou = decoder(features_of(), POSITIONS, *prompts_of(count), multimask)
    assert logits.shape == (count, masks, 4 * H, 4 * W)
    assert iou.shape == (count, masks)
    assert ((iou >= 0) & (iou <= 1)).all()


def test_without_maps_and_score_it_is_sams(decoder):
    plain = MaskDecoder(transformer=TwoWayTransformer(embedding_dim=C, mlp_dim=48), transformer_dim=C)
    renamed = {name.replace("mlp.layers.0", "mlp.lin1"): one for name, one in decoder.state_dict().items()}
    renamed = {name.replace("mlp.layers.1", "mlp.lin2"): one for name, one in renamed.items()}
    missing, unexpected = plain.load_state_dict(renamed, strict=False)
    assert not missing
    assert {name.split(".")[0] for name in unexpected} == {
        "obj_score_token",
        "pred_obj_score_head",
    }
    features = features_of()
    features[:, C:] = 0
    sparse, dense = prompts_of(2)
    look = decoder.look(features, POSITIONS, sparse, dense)
    # For SAM, the score's token is one more prompt.
    score = decoder.obj_score_token.weight.expand(2, 1, C)
    expected = plain.look(features[:, :C], POSITIONS, torch.cat([sparse, score], dim=1), dense)
    torch.testing.assert_close(look.predicted_iou, expected.predicted_iou.sigmoid(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(decoder.draw(look, THREE_MASKS), plain.draw(expected, THREE_MASKS), rtol=1e-4, atol=1e-4)
    assert look.object_score.shape == (2, 1)


@pytest.mark.parametrize("masks", [SINGLE_MASK, THREE_MASKS], ids=["one", "three"])
def test_prompts_that_share_an_image_give_the_same_masks(decoder, masks):
    features, (sparse, dense) = features_of(), prompts_of(5)
    with torch.inference_mode():
        quick = decoder.look_shared(decoder.share(features, POSITIONS, dense[:1], torch.float32), sparse)
        plain = decoder.look(features, POSITIONS, sparse, dense)
        torch.testing.assert_close(quick.predicted_iou, plain.predicted_iou, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(quick.object_score, plain.object_score, rtol=1e-4, atol=1e-4)
        expected = decoder.draw(plain, masks)
        scale = expected.abs().max()
        assert ((decoder.draw(quick, masks) - expected).abs().max() / scale).item() < 1e-5
        chosen = torch.tensor([False, True, False, True, True])
        assert ((decoder.draw(quick[chosen], masks) - expected[chosen]).abs().max() / scale).item() < 1e-5


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("of_prompt", [None, torch.tensor([0, 2, 2, 1])])
def test_every_prompt_sees_the_maps_of_its_image(decoder, multimask, of_prompt):
    features = features_of(4 if of_prompt is None else 3)
    sparse, dense = prompts_of(4)
    logits, iou = decoder(features, POSITIONS, sparse, dense, multimask, image_of_prompt=of_prompt)
    for prompt, image in enumerate(range(4) if of_prompt is None else of_prompt.tolist()):
        one = slice(prompt, prompt + 1)
        alone = decoder(features[image : image + 1], POSITIONS, sparse[one], dense[one], multimask)
        torch.testing.assert_close(logits[one], alone[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(iou[one], alone[1], rtol=1e-4, atol=1e-5)


def test_a_single_mask_that_is_not_stable_gives_way_to_the_best_of_three(decoder, monkeypatch):
    logits = torch.full((2, 4, 4 * H, 4 * W), 5.0) * torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1, 1)
    logits[1, 0, :, 0] = 0.0  # neither clearly inside nor outside
    look = decoder.look(features_of(), POSITIONS, *prompts_of(2))
    look = Sam2Look(**(vars(look) | {"predicted_iou": torch.tensor([[0.1, 0.2, 0.9, 0.3], [0.95, 0.2, 0.8, 0.3]])}))
    monkeypatch.setattr(decoder, "draw", lambda look, masks: logits[:, masks])
    drawn, iou = decoder.draw_single(look)
    assert [mask.unique().tolist() for mask in drawn] == [[5.0], [15.0]]
    torch.testing.assert_close(iou, torch.tensor([[0.1], [0.8]]))
    monkeypatch.setattr(decoder, "by_stability", False)
    assert decoder.draw_single(look)[0].equal(logits[:, :1])
    monkeypatch.setattr(decoder, "by_stability", True)
    monkeypatch.setattr(decoder, "training", True)
    assert decoder.draw_single(look)[0].equal(logits[:, :1])


def test_stability_counts_pixels_above_two_thresholds():
    logits = torch.tensor([[-1.0, 0.0, 0.049, 0.051], [1.0, 1.0, 1.0, 1.0], [-1.0, -1.0, -1.0, -1.0]]).view(3, 1, 2, 2)
    torch.testing.assert_close(stability(logits), torch.tensor([[1 / 3], [1.0], [1.0]]))


def test_an_embedding_without_finer_maps_is_refused(decoder):
    with pytest.raises(ValueError, match="32 channels is not from SAM 2, which has 32 followed by 96 of finer maps"):
        decoder(features_of()[:, :C], POSITIONS, *prompts_of(1), True)


def test_what_another_decoder_looked_at_is_refused(decoder):
    plain = MaskDecoder(transformer=TwoWayTransformer(embedding_dim=C, mlp_dim=48), transformer_dim=C)
    look = plain.look(features_of()[:, :C], POSITIONS, *prompts_of(1))
    with pytest.raises(TypeError, match="not a Look"):
        decoder.draw(look, THREE_MASKS)


def test_gradients_reach_every_parameter(decoder):
    decoder.zero_grad()
    look = decoder.look(features_of(), POSITIONS, *prompts_of(2))
    (decoder.draw(look, slice(None)).sum() + look.predicted_iou.sum() + look.object_score.sum()).backward()
    assert [name for name, one in decoder.named_parameters() if one.grad is None] == []


def test_it_is_plain(decoder):
    assert is_plain(decoder)
