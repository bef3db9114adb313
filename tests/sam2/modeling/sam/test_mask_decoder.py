"""The official call: finer maps beside the embedding, four results, one image for all prompts or one for each."""

from __future__ import annotations

import pytest
import torch

from samara.errors import PromptError
from samara.networks.finer_maps import pack
from samara.networks.sam2_mask_decoder import Sam2TwoWayTransformer
from samara.sam2.modeling.sam.mask_decoder import MaskDecoder


@pytest.fixture
def decoder(model):
    return model.sam_mask_decoder


def arguments(model, prompts=3, images=1, multimask=True):
    """Of as many prompts and images."""
    generator = torch.Generator().manual_seed(0)

    def numbers(*shape):
        return torch.randn(*shape, generator=generator)

    return {
        "image_embeddings": numbers(images, 256, 8, 8),
        "image_pe": model.sam_prompt_encoder.get_dense_pe(),
        "sparse_prompt_embeddings": numbers(prompts, 4, 256),
        "dense_prompt_embeddings": numbers(prompts, 256, 8, 8),
        "multimask_output": multimask,
        "repeat_image": images == 1,
        "high_res_features": [numbers(images, 32, 32, 32), numbers(images, 64, 16, 16)],
    }


def of_prompt(given, index, image):
    """The arguments of one of the prompts."""
    own = {name: given[name][index : index + 1] for name in ("sparse_prompt_embeddings", "dense_prompt_embeddings")}
    embedding = given["image_embeddings"][image : image + 1]
    return (
        given
        | own
        | {
            "image_embeddings": embedding,
            "high_res_features": [one[image : image + 1] for one in given["high_res_features"]],
            "repeat_image": False,
        }
    )


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("images", [1, 3])
def test_prompts_together_are_prompts_one_by_one(model, decoder, images, multimask):
    given = arguments(model, images=images, multimask=multimask)
    with torch.no_grad():
        together = decoder(**given)
        for index in range(3):
            alone = decoder(**of_prompt(given, index, index if images > 1 else 0))
            torch.testing.assert_close([one[index : index + 1] for one in together], list(alone), rtol=1e-4, atol=1e-4)
    masks = 3 if multimask else 1
    shapes = [(3, masks, 32, 32), (3, masks), (3, masks, 256), (3, 1)]
    assert [tuple(one.shape) for one in together] == shapes


def test_it_answers_as_samaras_decoder(model, decoder):
    given = arguments(model)
    embeddings = pack(given["image_embeddings"], given["high_res_features"])
    ours = model.as_samaras().mask_decoder
    prompts = (given["sparse_prompt_embeddings"], given["dense_prompt_embeddings"])
    with torch.no_grad():
        for multimask in (True, False):
            logits, iou, _, _ = decoder(**given | {"multimask_output": multimask})
            torch.testing.assert_close((logits, iou), ours(embeddings, given["image_pe"], *prompts, multimask))


def test_the_rule_of_stability(model, decoder):
    given = arguments(model, multimask=False)
    with torch.no_grad():
        logits, iou, tokens, _ = decoder.predict_masks(**{k: v for k, v in given.items() if k != "multimask_output"})
        decoder.dynamic_multimask_stability_thresh = 1.1  # nothing is so stable
        replaced = decoder(**given)
        decoder.dynamic_multimask_via_stability = False
        first = decoder(**given)
        decoder.dynamic_multimask_via_stability = True
        decoder.dynamic_multimask_stability_thresh = 0.98
        decoder.dynamic_multimask_stability_delta = 0.0
        stable = decoder(**given)
    best = 1 + iou[:, 1:].argmax(1)
    torch.testing.assert_close(replaced[1][:, 0], iou[torch.arange(3), best])
    torch.testing.assert_close(replaced[0][:, 0], logits[torch.arange(3), best])
    for answer in (first, stable):
        torch.testing.assert_close(answer[0], logits[:, :1])
    torch.testing.assert_close(replaced[2], tokens[:, :1])


def test_one_dense_embedding_serves_all_prompts(model, decoder):
    given = arguments(model)
    one = given | {"dense_prompt_embeddings": given["dense_prompt_embeddings"][:1]}
    for_each = given | {"dense_prompt_embeddings": one["dense_prompt_embeddings"].expand(3, -1, -1, -1)}
    with torch.no_grad():
        torch.testing.assert_close(decoder(**one), decoder(**for_each))


def test_no_prompts(model, decoder):
    shapes = [tuple(one.shape) for one in decoder(**arguments(model, prompts=0))]
    assert shapes == [(0, 3, 32, 32), (0, 3), (0, 3, 256), (0, 1)]


def test_numbers_that_do_not_fit(model, decoder):
    given = arguments(model)
    with pytest.raises(PromptError, match="high_res_features"):
        decoder(**given | {"high_res_features": None})
    with pytest.raises(PromptError, match="1 image embeddings for 3 prompts"):
        decoder(**given | {"repeat_image": False})
    with pytest.raises(PromptError, match="of 2, 2, 2 images for 3 prompts"):
        decoder(**arguments(model, images=2) | {"repeat_image": True})


def test_whoever_overrides_predict_masks_changes_forward(model, decoder):
    class Doubling(MaskDecoder):
        def predict_masks(self, *arguments, **named):
            logits, *rest = super().predict_masks(*arguments, **named)
            return 2 * logits, *rest

    given = arguments(model)
    with torch.no_grad():
        before, *_ = decoder(**given)
        decoder.__class__ = Doubling
        torch.testing.assert_close(decoder(**given)[0], 2 * before)


def test_from_parts():
    decoder = MaskDecoder(transformer=Sam2TwoWayTransformer(), dynamic_multimask_via_stability=True)
    assert decoder.by_stability
    assert {"conv_s0", "conv_s1"} <= dict(decoder.named_children()).keys()
