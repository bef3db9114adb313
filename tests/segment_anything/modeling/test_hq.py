"""HQ-SAM's parts as its own package has them; values are in test_numbers."""

from __future__ import annotations

import torch

from samara.networks.hq_mask_decoder import HQ_PART
from samara.segment_anything.modeling.hq import answer, freeze_all_but_hq_part
from tests.segment_anything.compute import network
from tests.segment_anything.conftest import HQ_PACKAGE


def test_everything_but_the_hq_part_is_frozen():
    sam = network(HQ_PACKAGE)
    freeze_all_but_hq_part(sam)
    trained = {name for name, parameter in sam.named_parameters() if parameter.requires_grad}
    assert trained == {name for name in sam.state_dict() if name.removeprefix("mask_decoder.").startswith(HQ_PART)}
    assert trained


def test_the_encoder_gives_every_global_block():
    encoder = network(HQ_PACKAGE).image_encoder
    encoder.blocks[2].window_size = 0
    embedding, early = encoder(torch.randn(2, 3, 64, 64))
    assert embedding.shape == (2, 256, 4, 4)
    assert [tuple(one.shape) for one in early] == [(2, 4, 4, 32)] * 2


def test_the_answer_is_built_on_the_mask_that_is_judged_best():
    logits = torch.arange(5.0).view(1, 5, 1, 1).expand(2, 5, 2, 2)
    scores = torch.tensor([[9.0, 1, 3, 2], [9.0, 4, 3, 2]])
    masks, judged = answer(logits, scores, multimask=True, hq_token_only=False)
    assert masks[:, 0, 0, 0].tolist() == [2 + 4, 1 + 4]
    assert judged.tolist() == [[3], [4]]
    assert answer(logits, scores, False, False)[0][0, 0, 0, 0] == 4
    assert answer(logits, scores, True, True)[0].unique().tolist() == [4]
    more = torch.cat([scores, torch.full((2, 1), 99.0)], dim=1)  # stability scores of all five masks
    torch.testing.assert_close(answer(logits, more, True, False), (masks, judged))


def test_embeddings_with_early_features_behind_them_are_taken_too():
    sam = network(HQ_PACKAGE)
    embedding, early = sam.image_encoder(torch.randn(1, 3, 64, 64))
    sparse, dense = sam.prompt_encoder(None, torch.tensor([[1.0, 1, 9, 9]]), None)
    positions = sam.prompt_encoder.get_dense_pe()
    joined = torch.cat([embedding, early[0].permute(0, 3, 1, 2)], dim=1)
    torch.testing.assert_close(
        sam.mask_decoder(joined, positions, sparse, dense, True),
        sam.mask_decoder(embedding, positions, sparse, dense, True, False, early),
    )
