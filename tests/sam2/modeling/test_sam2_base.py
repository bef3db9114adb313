"""The whole network: its state dict, copies, training, and what it gives of an image."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import samara
from samara.errors import WrongCheckpoint
from samara.networks.finer_maps import unpack
from samara.sam2.modeling.sam2_base import SAM2Base
from samara.sam2.videos import VideosNotSupported
from tests.checkpoints.test_sam2 import published
from tests.engines.conftest import small


def outputs(model):
    features = model.forward_image(torch.full((1, 3, model.image_size, model.image_size), 0.5))["backbone_fpn"]
    sparse, dense = model.sam_prompt_encoder((torch.tensor([[[30.0, 40.0]]]), torch.tensor([[1]])), None, None)
    return model.sam_mask_decoder(
        image_embeddings=features[2] + model.no_mem_embed.view(1, -1, 1, 1),
        image_pe=model.sam_prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
        repeat_image=False,
        high_res_features=features[:2],
    )


def test_the_memory_has_the_published_entries(model):
    wanted = {name: shape for name, shape in published("t").items() if not name.startswith("image_encoder.trunk.")}
    wanted = {name: shape for name, shape in wanted.items() if "neck" not in name}  # the small trunk has other widths
    found = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert {name: found[name] for name in found if not name.startswith("image_encoder.")} == wanted


def test_it_computes_what_samaras_network_computes(model):
    loaded = model.as_loaded()
    images = torch.randn(2, 3, 128, 128)
    with torch.no_grad():
        features = model.forward_image(images)
        embedding, maps = unpack(loaded.sam.image_encoder(images), loaded.sam.mask_decoder.finer_maps)
    *finer, level = features["backbone_fpn"]
    torch.testing.assert_close([*finer, level + model.no_mem_embed.view(1, -1, 1, 1)], [*maps, embedding])
    assert features["vision_features"] is level
    assert [one.shape[-2:] for one in features["vision_pos_enc"]] == [
        one.shape[-2:] for one in features["backbone_fpn"]
    ]


def test_flattened_features(model):
    with torch.no_grad():
        features = model.forward_image(torch.randn(2, 3, 128, 128))
    copied, levels, positions, sizes = model._prepare_backbone_features(features)
    assert copied is not features
    assert sizes == [(32, 32), (16, 16), (8, 8)]
    assert [tuple(one.shape) for one in levels] == [(1024, 2, 32), (256, 2, 64), (64, 2, 256)]
    assert [tuple(one.shape) for one in positions] == [(1024, 2, 256), (256, 2, 256), (64, 2, 256)]
    torch.testing.assert_close(levels[2].permute(1, 2, 0).view(2, 256, 8, 8), features["backbone_fpn"][2])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_compute_the_same(model, copied):
    torch.testing.assert_close(outputs(copied(model)), outputs(model))


def test_a_state_dict_goes_round(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "model.torch")
    other = SAM2Base(small("sam2.1_hiera_t", 128))
    other.load_state_dict(torch.load(tmp_path / "model.torch", weights_only=True))
    torch.testing.assert_close(outputs(other), outputs(model))
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({name: one for name, one in model.state_dict().items() if name != "no_mem_embed"})


def test_gradients_reach_all_that_images_need(model):
    model.train()
    logits, iou, tokens, score = outputs(model)
    (logits.mean() + iou.mean() + tokens.mean() + score.mean()).backward()
    without = {name.split(".")[0] for name, one in model.named_parameters() if one.grad is None}
    memory = {"memory_attention", "memory_encoder", "mask_downsample", "obj_ptr_proj", "obj_ptr_tpos_proj"}
    assert without - {"sam_prompt_encoder"} == memory | {
        "maskmem_tpos_enc",
        "no_mem_pos_enc",
        "no_obj_ptr",
        "no_obj_embed_spatial",
    }
    embeddings = model.sam_prompt_encoder.point_embeddings
    assert [bool(one.weight.grad.any()) for one in embeddings] == [False, True, False, False]


def test_it_trains_and_evaluates(model):
    assert not model.training
    assert model.sam_mask_decoder.masks_for_single == slice(None)
    model.train()
    assert model.as_samaras().training
    assert model.sam_mask_decoder.masks_for_single == slice(0, 1)


def test_samaras_own_predictor_takes_it(model, image):
    predictor = samara.Predictor(model.as_loaded())
    masks = predictor.predict(predictor.embed(image), [40, 25])
    assert np.isfinite(masks.low_res_logits).all()
    assert len(masks) == 3


def test_parts_for_videos_can_be_taken_off(model):
    before = outputs(model)
    for name in ("memory_attention", "memory_encoder", "mask_downsample", "obj_ptr_proj", "obj_ptr_tpos_proj"):
        delattr(model, name)
    torch.testing.assert_close(outputs(model), before)


def test_the_first_generation_lacks_three_entries():
    model = SAM2Base(samara.load("sam2_t", weights="random", input_size=64, device="cpu", precision="float32"))
    assert model.no_obj_embed_spatial is None
    assert {name: tuple(one.shape) for name, one in model.state_dict().items()} == published("t", "sam2")


@pytest.mark.parametrize("name", ["vit_b", "sam2.1_hq_hiera_l"])
def test_other_networks_are_refused(name):
    with pytest.raises(WrongCheckpoint, match="only SAM 2"):
        SAM2Base(small(name))


def test_it_is_not_called_as_a_whole(model):
    with pytest.raises(VideosNotSupported, match="SAM2ImagePredictor"):
        model(torch.zeros(1))
