"""Fine-tuning with its views: found out beforehand what would fail, described as it was."""

from __future__ import annotations

import copy
import dataclasses
import re
import sys

import pytest
import torch
from PIL import Image

from samara.checkpoints.lora_file import save_lora
from samara.checkpoints.save import save_checkpoint
from samara.engines.loaded import fingerprint
from samara.errors import MissingExtra, OutputError
from samara.finetuning import views as room
from samara.finetuning.data_sets import Sets
from samara.finetuning.figures import figure_paths
from samara.finetuning.loop import FineTuned
from samara.finetuning.processes import Processes
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.training_state import EpochRecord
from samara.finetuning.views import Views, describe_run, fine_tune_with_views, reloaded
from samara.networks.lora import add_lora
from tests.finetuning.conftest import draw, make_tiny
from tests.finetuning.test_loop import QUICK
from tests.finetuning.test_tensorboard_log import read

HISTORY = (EpochRecord(0, None, 0.4, 0.6, 0.0, 2.0), EpochRecord(1, 0.5, 0.5, 0.7, 1e-4, 3.0))


@pytest.fixture
def tiny():
    return make_tiny()


@pytest.fixture
def images(tmp_path):
    return [draw(seed, tmp_path) for seed in range(4)]


def views(folder):
    return Views(curve=folder / "deep" / "o.curve.png", tensorboard=folder / "log", report=folder / "new" / "r.html")


@pytest.mark.parametrize(
    ("library", "view"), [("matplotlib", "curve"), ("tensorboard", "tensorboard"), ("jinja2", "report")]
)
def test_what_is_missing_is_said_before_anything_is_computed(tmp_path, monkeypatch, library, view):
    monkeypatch.setitem(sys.modules, library, None)
    asked = Views(**{view: tmp_path / "it"})
    with pytest.raises(MissingExtra, match=library):
        asked.prepare(overwrite=False)
    Views().prepare(overwrite=False)


def test_places_that_cannot_be_written_are_refused_beforehand(tmp_path):
    views(tmp_path).prepare(overwrite=False)
    (tmp_path / "new" / "r.html").write_text("mine")
    with pytest.raises(OutputError, match="choose another name for the report"):
        views(tmp_path).prepare(overwrite=False)
    views(tmp_path).prepare(overwrite=True)
    with pytest.raises(OutputError, match="choose another name"):
        Views(report=tmp_path).prepare(overwrite=True)
    with pytest.raises(OutputError, match="cannot be used as a folder"):
        Views(report=tmp_path / "new" / "r.html" / "x.html").prepare(overwrite=True)


def test_a_run_leaves_what_was_asked_for(tiny, images, tmp_path, monkeypatch):
    def fine_tune(*_, on_epoch, **__):
        for record in HISTORY:
            on_epoch(record)
        return FineTuned(tmp_path / "o.pth", HISTORY, HISTORY[1], FineTuneSettings())

    # Whole runs are tested with `samara finetune`.
    monkeypatch.setattr(room, "fine_tune", fine_tune)
    monkeypatch.setattr(room, "network_from_file", lambda *_: tiny.network)
    asked, told, noted = views(tmp_path), [], []
    asked.prepare(overwrite=False)
    viewed = fine_tune_with_views(
        tiny,
        Sets(images[:2], images[2:3], images[3:]),
        tmp_path / "o.pth",
        QUICK,
        asked,
        progress=lambda what, *_: told.append(what),
        notice=noted.append,
    )
    assert list(viewed.scores) == ["test", "validation"]
    assert viewed.scores["test"]["click"].objects == 2
    assert [one.partition(":")[0] for one in noted] == ["training", "validation, given", "test"]
    beside = {path.name for path in asked.report.parent.iterdir()}
    assert beside == {"r.html", *(path.name for path in figure_paths(asked.report).values())}
    with Image.open(asked.curve) as curve:
        assert curve.format == "PNG"
    assert [epoch for epoch, _ in read(asked.tensorboard)["iou/box"]] == [0, 1]
    assert "o.pth" in asked.report.read_text()
    assert told[-1] == "comparing before and after"


def test_only_the_first_of_several_processes_shows(tiny, images, tmp_path, monkeypatch):
    monkeypatch.setattr(
        room, "fine_tune", lambda *_, **__: FineTuned(tmp_path / "o.pth", HISTORY, HISTORY[1], FineTuneSettings())
    )
    asked = views(tmp_path)
    second = Processes(rank=1, count=2)
    fine_tune_with_views(tiny, Sets(images, images, images), tmp_path / "o.pth", QUICK, asked, processes=second)
    assert not any(path.exists() for path in (asked.curve, asked.tensorboard, asked.report))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_the_new_checkpoint_is_loaded_as_the_old_one_was(mini, tmp_path, suffix):
    network = copy.deepcopy(mini.network)
    with torch.no_grad():
        network.mask_decoder.iou_token.weight.add_(1)
    path = tmp_path / f"new{suffix}"
    save_checkpoint(path, network.state_dict(), {})
    after = reloaded(mini, path, FineTuneSettings())
    assert after.fingerprint == mini.fingerprint
    assert after.name == path.name
    assert after.network.mask_decoder.iou_token.weight.equal(network.mask_decoder.iou_token.weight)
    assert not mini.network.mask_decoder.iou_token.weight.equal(network.mask_decoder.iou_token.weight)


def test_updates_kept_apart_are_folded_into_a_copy(tiny, tmp_path):
    before = fingerprint(tiny.network.image_encoder)
    network = copy.deepcopy(tiny.network)
    add_lora(network.image_encoder, rank=2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01)
    save_lora(tmp_path / "lora.safetensors", network, before, {})
    after = reloaded(tiny, tmp_path / "lora.safetensors", FineTuneSettings(trained="lora", lora_apart=True))
    assert fingerprint(after.network.image_encoder) != before
    assert fingerprint(tiny.network.image_encoder) == before


def test_the_report_says_what_was_done(tiny, images, tmp_path):
    result = FineTuned(tmp_path / "out.safetensors", HISTORY, HISTORY[1], FineTuneSettings())
    report = describe_run(tiny, Sets(images[:3], images[2:], images[:1]), result, {})
    assert report.title == "out.safetensors"
    assert report.summary == "tiny, mask decoder fine-tuned on 3 images. Epoch 1 of 1 was kept."
    assert report.settings["learning rate"] == "0.0001"
    assert report.settings["losses: focal"] == "5.0"
    assert report.settings["augmentations"] == "flip"
    assert report.provenance["training set"] == "3 images, 6 objects (2 in each)"
    assert report.provenance["test set"] == "1 image, 2 objects (2 in each)"
    assert report.choice[0] == "Epoch 1 was kept, by the mean of click and box IoU: 0.600, 0.500 before."
    assert report.provenance["images in both sets"] == "1"
    assert report.provenance["started from"] == "tiny"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", report.provenance["date"])
    assert not any(str(tmp_path) in value for value in report.provenance.values())
    changed = FineTuneSettings(augmentations=(), ema_decay=None)
    nothing = dataclasses.replace(result, best=HISTORY[0], settings=changed)
    report = describe_run(tiny, Sets([draw(8, tmp_path, objects=1)], images), nothing, {})
    assert "on 1 image. None of 1 epochs was kept." in report.summary
    assert report.settings["augmentations"] == report.settings["ema decay"] == "none"
    assert report.provenance["training set"] == "1 image, 1 object (1 in each)"
