"""A family that squashes images and gives finer maps joins by its network and its numbers alone.

Its decoder is what SAM 2's needs: finer maps are added while the masks are upsampled.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import samara
from samara.annotation.inputs.decoded import DecodedImage
from samara.annotation.run.annotator import make_annotator
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.store.plan import Asked
from samara.engines.exporting.export import export_checkpoint
from samara.errors import SettingsError, WrongCheckpoint
from samara.finetuning.examples import examples_of
from samara.finetuning.processes import Processes
from samara.finetuning.training_set import TrainingSet
from samara.finetuning.validation import validate
from samara.measurement.evaluation.adapters import model_under_test
from samara.networks.architectures import FinerMap
from samara.networks.finer_maps import pack, unpack
from samara.networks.mask_decoder import Look, MaskDecoder, weighted_sums, whole_image
from samara.networks.sam import Sam
from samara.networks.two_way_transformer import TwoWayTransformer
from samara.networks.variants import VARIANTS
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from samara.segmentation.stored_predictor import StoredPredictor
from tests.finetuning.conftest import draw, make_tiny

MAPS = (FinerMap(channels=32, scale=4), FinerMap(channels=64, scale=2))


class Encoder(nn.Module):
    """Gives the pixels in two sizes besides an embedding."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.finest = nn.Conv2d(3, 32, 4, stride=4)
        self.finer = nn.Conv2d(3, 64, 8, stride=8)

    def forward(self, images):
        return pack(self.encoder(images), [self.finest(images), self.finer(images)])


@dataclasses.dataclass(frozen=True)
class FinerLook(Look):
    """A look that knows its maps."""

    details: torch.Tensor
    image_of_prompt: torch.Tensor | None

    def __getitem__(self, prompts):
        of = self.image_of_prompt
        if of is None:  # all on the one image
            of = torch.zeros(len(self.mask_tokens), dtype=torch.int64)
        return FinerLook(
            self.mask_tokens[prompts], self.image[prompts], self.predicted_iou[prompts], self.details, of[prompts]
        )


class Decoder(MaskDecoder):
    """Adds finer maps between its layers."""

    @property
    def further_channels(self):
        return sum(one.packed_channels for one in MAPS)

    def _embedding_of(self, image_embeddings):
        return unpack(image_embeddings, MAPS)[0]

    def details_of(self, image_embeddings):
        return image_embeddings  # the maps are views of it

    def _judge(self, tokens, image, details, image_of_prompt):
        if image_of_prompt is None and len(details) > 1:
            image_of_prompt = torch.arange(len(details))
        return FinerLook(
            tokens[:, 1:], image, self.iou_prediction_head(tokens[:, 0]), details, image_of_prompt=image_of_prompt
        )

    def draw(self, look, masks):
        _, (finest, finer) = unpack(look.details, MAPS)
        if look.image_of_prompt is not None:
            finest, finer = finest[look.image_of_prompt], finer[look.image_of_prompt]
        first, norm, activation, second = self.upscaling_layers()
        x = activation(norm(first(whole_image(look.image)) + finer))
        return weighted_sums(self._weights(look.mask_tokens, masks), activation(second(x) + finest))


@pytest.fixture(scope="module")
def loaded():
    tiny = make_tiny()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = Sam(
            image_encoder=Encoder(tiny.sam.image_encoder),
            prompt_encoder=tiny.sam.prompt_encoder,
            mask_decoder=Decoder(transformer=TwoWayTransformer(depth=1, mlp_dim=64)),
        ).eval()
    squashed = dataclasses.replace(tiny.variant.preprocessing, fit="squash")
    variant = dataclasses.replace(tiny.variant, preprocessing=squashed, finer_maps=MAPS)
    return dataclasses.replace(tiny, network=network, variant=variant)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 110, 3), dtype=np.uint8)


CLICKS = [Prompt([x, 30]) for x in range(5, 105, 10)]
BOX = Prompt(box=[5, 5, 90, 50])


def expected(loaded, image, prompts, multimask):
    """By the network as a module, one prompt at a time."""
    frame, inputs = loaded.frame_of(image.shape[:2]), loaded.network_input(image)
    with torch.inference_mode():
        for prompt in prompts:
            points = boxes = None
            if len(prompt.points_xy):
                points = (torch.from_numpy(frame.to_input(prompt.points_xy))[None], torch.tensor([[1]]))
            if prompt.box_xyxy is not None:
                boxes = torch.from_numpy(frame.to_input(prompt.box_xyxy))[None]
            yield loaded.sam(inputs, points, boxes, multimask=multimask)


def test_prompts_have_the_networks_own_answers_one_by_one_and_many_together(loaded, image):
    predictor = samara.Predictor(loaded)
    embedding, other = predictor.embed([image, image[:, ::-1].copy()], batch_size=2)
    assert embedding.features.shape == (loaded.variant.embedding_channels, 8, 8) == (1024, 8, 8)
    whole = [logits[0] for logits, _ in expected(loaded, image, CLICKS, True)]
    for prompts in (CLICKS[:1], CLICKS[:3], CLICKS):  # the last ones share what they can, see `TorchEngine`
        found = predictor.predict_prompts(embedding, prompts)
        np.testing.assert_allclose(found.low_res_logits, torch.cat(whole[: len(prompts)]), atol=1e-4)
    of_two = predictor.predict_batch([embedding, other], [[BOX], [BOX]], multimask=False)
    for masks, pixels in zip(of_two, (image, image[:, ::-1].copy()), strict=True):
        ((logits, _),) = expected(loaded, pixels, [BOX], False)
        np.testing.assert_allclose(masks.low_res_logits, logits[0], atol=1e-4)


def test_an_embedding_from_a_file_or_a_store_is_as_good(loaded, image, tmp_path):
    predictor = StoredPredictor(loaded, EmbeddingStore(tmp_path, 1 << 30))
    embedding = predictor.embed(image)
    again = predictor.embed(image)
    assert again is not embedding
    assert (again.fit, again.frame) == ("squash", embedding.frame)
    one, other = (predictor.predict_prompts(it, CLICKS[:2]) for it in (embedding, again))
    assert one.rles == other.rles


def test_whatever_asks_a_segmenter_asks_it_too(loaded, image):
    settings = samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0)
    everything = open_segmenter(loaded, settings).generate(image)
    model = model_under_test(loaded, points_per_side=2)
    seen = model.embed(image)
    assert model.everything(seen).rles == everything.rles
    assert everything.size_hw == (60, 110)
    answers = model.answer(seen, [CLICKS[0], BOX])
    assert [one.low_res_logits.shape for one in answers] == [(32, 32)] * 2
    annotator = make_annotator(loaded, AnnotationSettings(asking="prompts"))
    masks = annotator.annotate(DecodedImage(image), [Asked(box=(5.0, 5.0, 90.0, 50.0))])
    assert masks.rles[0] == answers[1].rle


def test_fine_tuning_keeps_its_embeddings_and_fits_its_masks(loaded, tmp_path):
    training = TrainingSet(loaded, examples_of([draw(0, tmp_path, size=(64, 128))]))
    cache = training.cache(tmp_path / "cache", Processes())
    assert cache[0].shape == (1024, 8, 8)
    assert training.valid(0).all()  # nothing is padding
    sample = training.sample(0, cache[0])
    assert sample.targets.shape == (2, 32, 32)
    assert validate(loaded.sam, [sample]).objects == 2


def test_graphs_that_would_leave_the_maps_out_are_refused(loaded, tmp_path, monkeypatch):
    with pytest.raises(WrongCheckpoint, match="finer maps, which cannot be exported yet"):
        export_checkpoint(loaded, "onnx", tmp_path / "out")
    monkeypatch.setitem(VARIANTS, "vit_t", dataclasses.replace(VARIANTS["vit_t"], finer_maps=MAPS))
    with pytest.raises(SettingsError, match="MobileSAM runs only in the engine torch, not in onnxruntime"):
        samara.load("mobile_sam", weights="random", device="cpu", engine="onnxruntime", input_size=64)
