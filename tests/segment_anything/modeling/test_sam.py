"""The whole network: from parts, from a checkpoint, saved, copied, moved, trained."""

from __future__ import annotations

import copy
import dataclasses
import io
import pickle

import pytest
import torch

from samara.errors import PromptError, SettingsError, WrongCheckpoint
from samara.networks.presets import with_preset
from samara.segment_anything import SamPredictor
from samara.segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from samara.segment_anything.modeling.sam import decode, input_size_of, owner_of
from tests.conftest import load_bootstrap
from tests.engines.conftest import small
from tests.segment_anything.compute import IMAGE, network
from tests.segment_anything.conftest import HQ_PACKAGE, PACKAGE

RECORD = {"image": torch.rand(3, 64, 51) * 255, "original_size": (50, 40), "boxes": torch.tensor([[1.0, 1, 9, 9]])}


def logits_of(sam):
    with torch.no_grad():
        return sam([RECORD], multimask_output=True)[0]["low_res_logits"]


@pytest.fixture(params=[PACKAGE, HQ_PACKAGE])
def sam(request):
    return network(request.param)


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda sam: pickle.loads(pickle.dumps(sam))],
    ids=["deepcopy", "pickle"],
)
def test_copies_compute_the_same(sam, copied):
    torch.testing.assert_close(logits_of(copied(sam)), logits_of(sam))


def test_the_whole_module_can_be_saved_and_loaded(sam, tmp_path):
    torch.save(sam, tmp_path / "sam.pt")
    again = torch.load(tmp_path / "sam.pt", weights_only=False)
    torch.testing.assert_close(logits_of(again), logits_of(sam))


def test_a_loaded_checkpoint_can_be_saved_as_a_module():
    sam = Sam.from_loaded(load_bootstrap())
    file = io.BytesIO()
    torch.save(sam, file)
    again = torch.load(io.BytesIO(file.getvalue()), weights_only=False)
    assert again.as_loaded().name == sam.as_loaded().name
    assert again.state_dict().keys() == sam.state_dict().keys()


def test_weights_and_types_move_together(sam):
    moved = copy.deepcopy(sam).to(torch.float16)
    assert {parameter.dtype for parameter in moved.parameters()} == {torch.float16} == {moved.pixel_mean.dtype}
    assert moved.float().preprocess(RECORD["image"]).dtype == torch.float32
    assert "pixel_mean" not in sam.state_dict()
    assert not sam.training
    assert sam.train().mask_decoder.training


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_images_keep_their_differences_in_16_bits(sam, dtype):
    bright = torch.tensor([254, 255], dtype=torch.uint8).expand(3, 1, 2)
    inside = sam.to(dtype).preprocess(bright)[:, 0, :2]
    assert inside.dtype == dtype
    assert (inside[:, 0] < inside[:, 1]).all()


def test_gradients_reach_what_is_not_frozen(sam):
    sam.train().requires_grad_(False)
    sam.mask_decoder.requires_grad_(True)
    sam([RECORD], multimask_output=False)[0]["low_res_logits"].mean().backward()
    assert sam.mask_decoder.transformer.layers[0].self_attn.q_proj.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in sam.image_encoder.parameters())


def test_parts_are_called_by_the_official_positions():
    sam = network(PACKAGE)
    embedding = sam.image_encoder(sam.preprocess(RECORD["image"][None]))
    sparse, dense = sam.prompt_encoder(None, RECORD["boxes"], None)
    logits, _ = sam.mask_decoder(embedding, sam.prompt_encoder.get_dense_pe(), sparse, dense, True)
    torch.testing.assert_close(logits, logits_of(sam))
    assert sam.postprocess_masks(logits, (64, 51), (50, 40)).shape == (1, 3, 50, 40)


def test_hq_sams_parts_are_called_as_its_package_does():
    sam = network(HQ_PACKAGE)
    embedding, early = sam.image_encoder(sam.preprocess(RECORD["image"][None]))
    sparse, dense = sam.prompt_encoder(None, RECORD["boxes"], None)
    positions = sam.prompt_encoder.get_dense_pe()
    logits, _ = sam.mask_decoder(embedding, positions, sparse, dense, True, False, early)
    torch.testing.assert_close(logits, logits_of(sam))
    assert not torch.allclose(sam([RECORD], True, hq_token_only=True)[0]["low_res_logits"], logits)


def test_several_images_with_one_prompt_each_share_a_call():
    """As MedSAM and other training code calls the parts."""
    sam = network(PACKAGE)
    images = torch.stack([sam.preprocess(RECORD["image"]), sam.preprocess(RECORD["image"] / 2)])
    boxes = torch.tensor([[[1.0, 1, 9, 9]], [[5.0, 5, 40, 40]]])
    sparse, dense = sam.prompt_encoder(points=None, boxes=boxes, masks=None)
    logits, _ = sam.mask_decoder(
        image_embeddings=sam.image_encoder(images),
        image_pe=sam.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=False,
    )
    alone, _ = sam.mask_decoder(
        sam.image_encoder(images[1:]), sam.prompt_encoder.get_dense_pe(), sparse[1:], dense[1:], False
    )
    torch.testing.assert_close(logits[1:], alone, atol=1e-4, rtol=1e-4)


def test_a_network_from_a_checkpoint_is_of_the_official_classes():
    loaded = load_bootstrap()
    sam = Sam.from_loaded(loaded)
    assert isinstance(sam.prompt_encoder, PromptEncoder)
    assert isinstance(sam.mask_decoder, MaskDecoder)
    assert isinstance(sam.mask_decoder.transformer, TwoWayTransformer)
    assert sam.mask_decoder.iou_token.weight is loaded.sam.mask_decoder.iou_token.weight  # no copy
    assert input_size_of(sam) == loaded.input_size == sam.image_encoder.img_size


def test_two_sizes_are_not_official():
    with pytest.raises(WrongCheckpoint, match="sees 64 pixels and takes prompts in a frame of 128.*samara.Predictor"):
        Sam.from_loaded(small("efficientvit_sam_l0", 64))


def test_a_network_from_parts_is_of_the_official_classes():
    sam = network(PACKAGE)
    assert isinstance(sam.image_encoder, ImageEncoderViT)
    with pytest.raises(SettingsError, match="made from parts"):
        sam.as_loaded()


def test_as_loaded_is_the_network_as_it_is_now():
    sam = Sam.from_loaded(load_bootstrap())
    sam.mask_decoder.iou_prediction_head.layers[2].register_forward_hook(lambda module, inputs, output: output + 7)
    loaded = sam.as_loaded()
    import samara

    predictor = samara.Predictor(loaded)
    masks = predictor.predict(predictor.embed(IMAGE), points=[[10, 10]])
    assert masks.predicted_iou.min() > 5


def test_pixel_statistics_may_be_set():
    sam = network(PACKAGE)
    sam.pixel_mean[:] = 0
    sam.pixel_std[:] = 255
    torch.testing.assert_close(sam.preprocess(RECORD["image"])[:, :64, :51], RECORD["image"] / 255)
    whole = Sam(sam.image_encoder, sam.prompt_encoder, sam.mask_decoder, [1, 2, 3], [1, 1, 1])
    assert whole.pixel_mean.dtype == torch.float32


def test_an_encoder_without_img_size_leaves_it_to_the_prompts():
    sam = network(PACKAGE)
    sam.image_encoder = torch.nn.Conv2d(3, 256, 16, 16)
    assert input_size_of(sam) == 64
    predictor = SamPredictor(sam)
    predictor.set_image(IMAGE)
    assert predictor.predict(box=[1, 1, 9, 9])[0].shape == (3, 50, 40)
    assert owner_of(sam, "nothing of this name") is sam


def test_bad_input_is_one_sentence():
    sam = network(PACKAGE)
    with pytest.raises(PromptError, match="list of dicts"):
        sam([{"image": RECORD["image"]}], multimask_output=True)
    with pytest.raises(SettingsError, match="no HQ token"):
        decode(sam, torch.zeros(1, 256, 4, 4), {"points": None, "boxes": None, "masks": None}, True, hq_token_only=True)


def test_images_that_are_prepared_otherwise_are_refused(mini):
    medical = dataclasses.replace(mini, variant=with_preset(mini.variant, "medsam"))
    with pytest.raises(WrongCheckpoint, match=r"prepared in another way than the official classes do; use samara.Pred"):
        Sam.from_loaded(medical)
