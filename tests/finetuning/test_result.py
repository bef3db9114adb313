"""What a run gives is a checkpoint like any other: identified, predicted with, loaded by engines and official code."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import samara
from samara.annotation.carry_out import AnnotationRun, carry_out
from samara.annotation.inputs.sources import open_source
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.settings import AnnotationSettings
from samara.checkpoints.choice import Choice
from samara.engines.exporting.export import export_checkpoint
from samara.finetuning.loop import fine_tune
from samara.finetuning.settings import FineTuneSettings, LossWeights, PromptSimulation
from samara.segment_anything import SamPredictor, sam_model_registry
from tests.finetuning.conftest import draw, draw_rings

ONE_STEP = FineTuneSettings(
    epochs=1,
    learning_rate=1e-3,
    augmentations=(),
    ema_decay=None,
    patience=None,
    simulation=PromptSimulation(rounds=0, rounds_without_points=0),
)
CLICK = ([[40, 40]], [1])


@pytest.fixture(scope="module")
def fine_tuned(tmp_path_factory):
    """An image, and samara_mini after a few steps on it, loaded from its file."""
    folder = tmp_path_factory.mktemp("fine-tuned")
    image = draw_rings(1, folder)
    mini = samara.load("samara_mini", device="cpu", precision="float32", input_size=128)
    settings = dataclasses.replace(ONE_STEP, epochs=6, losses=LossWeights(focal=0, cross_entropy=0.5))
    result = fine_tune(mini, [image], [image], folder / "mine.safetensors", settings)
    assert result.best.epoch > 0, "nothing was learnt, so that nothing could be told apart"
    return image.path, samara.load(result.path, device="cpu", precision="float32")


def logits_of(loaded, path):
    predictor = samara.Predictor(loaded)
    return predictor.predict(predictor.embed(path), points=CLICK[0], labels=CLICK[1]).low_res_logits


def test_it_is_identified_and_keeps_what_belongs_to_its_origin(fine_tuned, mini):
    _, loaded = fine_tuned
    identity = samara.identify(loaded.provenance.path)
    assert identity.variant == mini.variant.name
    assert "fine-tuned from 'samara_mini'" in identity.description
    assert loaded.name == "mine.safetensors (fine-tuned from samara_mini)"
    for name in ("input_size", "pred_iou_thresh", "stability_score_thresh", "fingerprint"):
        assert getattr(loaded, name) == getattr(mini, name), name
    assert loaded.provenance.licence == mini.provenance.licence


def test_fine_tuned_again_it_still_knows_its_origin(fine_tuned, tmp_path):
    _, loaded = fine_tuned
    image = draw(1, tmp_path)
    again = fine_tune(loaded, [image], [image], tmp_path / "again.pth", ONE_STEP)
    second = samara.load(again.path, device="cpu")
    assert second.name == "again.pth (fine-tuned from samara_mini)"
    assert second.input_size == loaded.input_size


def test_the_drop_in_and_automatic_masks_take_it(fine_tuned, mini):
    path, loaded = fine_tuned
    predictor = SamPredictor(sam_model_registry["samara_mini"](checkpoint=loaded.provenance.path))
    predictor.set_image(samara.read_image(path))
    _, _, logits = predictor.predict(np.array(CLICK[0]), np.array(CLICK[1]))
    expected = logits_of(loaded, path)
    torch.testing.assert_close(torch.from_numpy(logits), torch.from_numpy(expected), rtol=1e-3, atol=1e-3)
    assert not np.allclose(expected, logits_of(mini, path), atol=0.1)
    masks = samara.AutomaticMaskGenerator(loaded, samara.AutomaticSettings(points_per_side=2)).generate(path)
    assert masks.size_hw == (160, 160)


def test_data_sets_are_annotated_with_it(fine_tuned, tmp_path):
    path, loaded = fine_tuned
    job = AnnotationJob(
        choice=Choice(checkpoint=str(loaded.provenance.path), device="cpu", precision="float32"),
        settings=AnnotationSettings(
            automatic=samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0)
        ),
        source=open_source([str(path)]),
    )
    outcome = carry_out(job, AnnotationRun(out=tmp_path / "out"))
    assert outcome.total.images == 1
    assert outcome.total.masks > 0
    assert outcome.store.manifest.checkpoint == loaded.name


@pytest.mark.slow
def test_it_is_exported(fine_tuned, tmp_path):
    """The files are held against the network before they appear, see `samara.engines.exporting`."""
    _, loaded = fine_tuned
    done = export_checkpoint(loaded, "openvino", tmp_path / "export")
    assert max(done.relative_error.values()) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_other_engines_give_the_new_masks(fine_tuned, mini, engine):
    """Graphs are kept by what the weights are: after the old decoder's, the new one's must be made anew."""
    path, loaded = fine_tuned
    old, new = (dataclasses.replace(one, engine=engine) for one in (mini, loaded))
    assert not np.allclose(logits_of(old, path), logits_of(new, path), atol=0.1)
    np.testing.assert_allclose(logits_of(new, path), logits_of(loaded, path), atol=1e-2)


@pytest.mark.slow
def test_the_official_package_takes_it(tmp_path):
    official = pytest.importorskip("segment_anything", reason="the official package is not installed")
    start = samara.load("vit_b", weights="random", device="cpu", precision="float32", input_size=160)
    image = draw(1, tmp_path)
    result = fine_tune(start, [image], [image], tmp_path / "mine.pth", ONE_STEP)
    theirs = official.sam_model_registry["vit_b"](checkpoint=str(result.path)).eval()
    ours = samara.load(result.path, device="cpu", precision="float32").network
    features, points = torch.randn(1, 256, 64, 64), (torch.full((1, 1, 2), 500.0), torch.ones(1, 1, dtype=torch.int64))
    answers = []
    for sam in (ours, theirs):
        with torch.no_grad():
            sparse, dense = sam.prompt_encoder(points=points, boxes=None, masks=None)
            answers.append(sam.mask_decoder(features, sam.prompt_encoder.get_dense_pe(), sparse, dense, True))
    for mine, expected in zip(*answers, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-3, atol=1e-4)
