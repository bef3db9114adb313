"""The run: it learns, it stops, it goes on after being killed to the same curve, it changes nothing it was given."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

import samara
from samara.checkpoints.lora_file import merge_lora_file
from samara.checkpoints.save import save_checkpoint
from samara.datasets.ground_truth import Instance
from samara.errors import DatasetError, EmbeddingError, SamaraError, SettingsError, WrongCheckpoint
from samara.finetuning import loop
from samara.finetuning.loop import fine_tune
from samara.finetuning.settings import FineTuneSettings, LossWeights, PromptSimulation
from samara.masks.rle import encode_mask
from samara.networks.hq_mask_decoder import HQ_PART
from tests.finetuning.conftest import FEW_STEPS, draw, draw_rings

QUICK = FineTuneSettings(
    epochs=2,
    learning_rate=1e-3,
    warmup_steps=2,
    augmentations=(),
    patience=None,
    simulation=PromptSimulation(rounds=1, rounds_without_points=1),
    losses=LossWeights(focal=0.0, cross_entropy=1.0),
)


GAIN = 0.1


def run(tiny, images, out, **changed):
    return fine_tune(tiny, images[:3], images[3:], out, dataclasses.replace(QUICK, **changed))


def curve(result):
    return [(record.epoch, record.loss, record.click_iou, record.box_iou) for record in result.history]


def test_it_learns(tiny, images, tmp_path):
    result = run(tiny, images, tmp_path / "out.safetensors", epochs=10, learning_rate=2e-3, ema_decay=0.8)
    before, best = result.history[0], result.best
    assert best.epoch > 0
    assert best.mean_iou > before.mean_iou + 0.2
    assert result.history[-1].loss < 0.7 * result.history[1].loss


@pytest.mark.parametrize("trained", ["decoder", "lora", "everything"])
def test_what_learns_and_what_stays(tiny, images, tmp_path, trained):
    before = {name: value.clone() for name, value in tiny.network.state_dict().items()}
    result = run(tiny, images, tmp_path / "out.safetensors", trained=trained, ema_decay=None, epochs=3)
    for name, value in tiny.network.state_dict().items():
        torch.testing.assert_close(value, before[name], msg=f"{name} of the network that was given")
    after = load_file(result.path)
    assert {name: value.shape for name, value in after.items()} == {k: v.shape for k, v in before.items()}
    if result.best.epoch == 0:
        return
    changed = {name.split(".")[0] for name in after if not after[name].equal(before[name])}
    assert "mask_decoder" in changed
    assert ("image_encoder" in changed) == (trained != "decoder")
    assert ("prompt_encoder" in changed) == (trained == "everything")


def test_of_hq_sam_the_hq_part_learns(tiny_hq, images, tmp_path):
    before = {name: value.clone() for name, value in tiny_hq.network.state_dict().items()}
    result = run(tiny_hq, images, tmp_path / "out.safetensors", epochs=8, learning_rate=2e-3, ema_decay=0.8)
    assert result.best.epoch > 0
    assert result.history[-1].loss < 0.9 * result.history[1].loss
    after = load_file(result.path)
    changed = {name for name in after if not after[name].equal(before[name])}
    hq_part = tuple(f"mask_decoder.{prefix}" for prefix in HQ_PART)
    assert changed == {name for name in after if name.startswith(hq_part)}


def test_updates_kept_apart_are_the_merged_ones(tiny, images, tmp_path):
    settings = {"trained": "lora", "ema_decay": None, "epochs": 3, "learning_rate": 3e-3}
    merged = run(tiny, images, tmp_path / "merged.safetensors", **settings)
    apart = run(tiny, images, tmp_path / "apart.safetensors", **settings, lora_apart=True)
    assert merged.best.epoch > 0
    assert apart.path.stat().st_size < merged.path.stat().st_size
    assert samara.identify(apart.path).part == "lora"
    merge_lora_file(tiny.network, apart.path)
    found = tiny.network.state_dict()
    for name, value in load_file(merged.path).items():
        torch.testing.assert_close(found[name], value, msg=name)
    with pytest.raises(WrongCheckpoint, match="another image encoder"):  # it has the updates already
        merge_lora_file(tiny.network, apart.path)
    with pytest.raises(WrongCheckpoint, match="contains no low-rank updates"):
        merge_lora_file(tiny.network, merged.path)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [0, 1])
def test_killed_after_any_epoch_it_goes_on_to_the_same_curve(tiny, images, tmp_path, monkeypatch, epoch):
    expected = run(tiny, images, tmp_path / "whole.safetensors")
    whole = loop._Run._record

    def dies(self, record):
        whole(self, record)
        if record.epoch == epoch:
            raise KeyboardInterrupt

    out = tmp_path / "killed.safetensors"
    monkeypatch.setattr(loop._Run, "_record", dies)
    with pytest.raises(KeyboardInterrupt):
        run(tiny, images, out)
    assert not out.exists()
    monkeypatch.setattr(loop._Run, "_record", whole)
    result = run(tiny, images, out)
    assert curve(result) == curve(expected)
    wanted = load_file(expected.path)
    for name, value in load_file(out).items():
        assert value.equal(wanted[name])


KILLED_AFTER_EPOCH_1 = """
import os, signal, sys
from pathlib import Path
from tests.finetuning.conftest import draw, make_tiny
from tests.finetuning.test_loop import QUICK, fine_tune

def kill(record):
    if record.epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
images = [draw(seed, folder) for seed in range(4)]
fine_tune(make_tiny(), images[:3], images[3:], folder / "out.safetensors", QUICK, on_epoch=kill)
"""


@pytest.mark.slow
def test_killed_with_no_time_to_clean_up_it_goes_on(tiny, images, tmp_path):
    folder = tmp_path / "killed"
    folder.mkdir()
    root = Path(__file__).parent.parent.parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path)
    }  # the code that is tested, not an installed one
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER_EPOCH_1, folder], cwd=root, env=environment)
    assert killed.returncode == -signal.SIGKILL
    assert (folder / "out.safetensors.work" / "state.safetensors").exists()
    same = [dataclasses.replace(image, path=folder / image.name) for image in images]
    resumed, whole = (
        run(tiny, chosen, out)
        for chosen, out in ((same, folder / "out.safetensors"), (images, tmp_path / "whole.safetensors"))
    )
    assert [record.epoch for record in resumed.history] == [0, 1, 2]
    for one, other in zip(curve(resumed)[1:], curve(whole)[1:], strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_what_cannot_be_learnt_from_is_told_before_training(tiny, images, tmp_path):
    one = images[0].instances[0]
    speck = np.zeros(images[0].size_hw, dtype=bool)
    speck[5, 5] = True
    empty, crowd = Instance(encode_mask(speck & False), None), dataclasses.replace(one, is_crowd=True)
    training = [
        dataclasses.replace(images[0], instances=(one, empty, Instance(encode_mask(speck), None), crowd)),
        dataclasses.replace(images[1], instances=(crowd,)),
        dataclasses.replace(images[2], instances=()),
    ]
    told = []
    settings = dataclasses.replace(QUICK, augmentations=("flip",), epochs=1)
    fine_tune(tiny, training, images[3:], tmp_path / "o.safetensors", settings, notice=told.append)
    assert told == [
        "left out of the training set: 2 crowd regions, 2 objects smaller than 4 cells of the low-res grid, "
        '2 images without any other object; `ReadingRules(crowds="objects")` reads crowd regions as objects'
    ]
    told.clear()
    fine_tune(tiny, images[:3], images[:1], tmp_path / "p.safetensors", settings, notice=told.append)
    assert told == ["1 image is in both sets; the validation IoU says little about new images"]
    with pytest.raises(
        DatasetError, match="no image with a usable object; left out are 1 crowd regions, 1 images.*`ReadingRules"
    ):
        fine_tune(tiny, training[1:2], images[3:], tmp_path / "q.safetensors", settings)


def test_a_run_with_another_image_or_mask_of_the_same_name_is_not_gone_on_with(tiny, images, tmp_path):
    run(tiny, images, tmp_path / "out.safetensors", epochs=1)
    redrawn = dataclasses.replace(images[0], instances=images[0].instances[:1])
    with pytest.raises(SettingsError, match="images"):
        run(tiny, [redrawn, *images[1:]], tmp_path / "out.safetensors", epochs=1)
    Image.new("RGB", images[0].size_hw[::-1]).save(images[0].path)
    with pytest.raises(EmbeddingError, match="other images"):
        run(tiny, images, tmp_path / "out.safetensors", epochs=1)


def test_a_run_with_another_split_of_the_same_images_is_not_gone_on_with(tiny, images, tmp_path):
    fine_tune(tiny, images[:3], images[3:], tmp_path / "out.pth", QUICK)
    with pytest.raises(EmbeddingError, match=r"out\.pth\.work.*other images, of another split"):
        fine_tune(tiny, images[1:], images[:1], tmp_path / "out.pth", QUICK)


def test_another_input_size_is_another_run(tiny, images, tmp_path):
    fine_tune(tiny, images[:3], images[3:], tmp_path / "out.pth", QUICK)
    other = dataclasses.replace(tiny, input_size=tiny.input_size // 2)
    with pytest.raises(EmbeddingError, match="another encoder"):
        fine_tune(other, images[:3], images[3:], tmp_path / "out.pth", QUICK)


def test_seeds(tiny, images, tmp_path):
    a, b, c = (
        run(tiny, images, tmp_path / f"{index}.safetensors", seed=seed, epochs=1)
        for index, seed in enumerate((1, 1, 2))
    )
    assert curve(a) == curve(b) != curve(c)


def test_a_run_with_other_settings_is_not_gone_on_with(tiny, images, tmp_path):
    run(tiny, images, tmp_path / "out.safetensors", epochs=1)
    with pytest.raises(SettingsError, match="other settings"):
        run(tiny, images, tmp_path / "out.safetensors", epochs=2)


def test_a_run_from_another_decoder_of_the_same_name_is_not_gone_on_with(tiny, images, tmp_path):
    run(tiny, images, tmp_path / "out.safetensors", epochs=1)
    with torch.no_grad():
        tiny.network.mask_decoder.iou_token.weight.add_(1)
    with pytest.raises(SettingsError, match="checkpoint"):
        run(tiny, images, tmp_path / "out.safetensors", epochs=1)


def test_it_stops_when_nothing_gets_better(tiny, images, tmp_path):
    result = run(tiny, images, tmp_path / "out.safetensors", epochs=50, learning_rate=1e-12, patience=3)
    assert len(result.history) <= 10


def test_the_learning_rate_rises_and_falls(tiny, images, tmp_path):
    result = run(tiny, images, tmp_path / "out.safetensors", epochs=4)
    rates = [record.learning_rate for record in result.history[1:]]
    assert max(rates) <= 1e-3
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.2e-3  # the last step is not for nothing


def test_provenance_lies_inside(tiny, images, tmp_path):
    result = run(tiny, images, tmp_path / "out.safetensors", epochs=1)
    with safe_open(result.path, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["samara"] == "tiny"
    facts = json.loads(metadata["fine_tuned"])
    assert facts["settings"]["learning_rate"] == 1e-3
    assert len(facts["history"]) == 2
    assert facts["started_from"] == "tiny"
    assert (facts["training_set"]["examples"], facts["validation_set"]["objects"]) == (3, 2)
    assert "fine-tuned from 'tiny'" in samara.identify(result.path).description


def test_recomputing_blocks_changes_nothing(tiny, images, tmp_path):
    plain, recomputed = (
        run(tiny, images, tmp_path / f"{flag}.safetensors", trained="everything", checkpoint_blocks=flag, epochs=1)
        for flag in (False, True)
    )
    for a, b in zip(plain.history[1:], recomputed.history[1:], strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-4)
        assert a.mean_iou == pytest.approx(b.mean_iou, abs=0.02)


def test_a_second_run_on_the_same_files_is_refused(tiny, images, tmp_path):
    def start_another(record):
        with pytest.raises(SettingsError, match="another run is writing"):
            run(tiny, images, tmp_path / "out.safetensors")
        tried.append(record.epoch)

    tried = []
    fine_tune(tiny, images[:3], images[3:], tmp_path / "out.safetensors", QUICK, on_epoch=start_another)
    assert tried == [0, 1, 2]


def test_a_name_that_no_checkpoint_can_have_is_refused_at_once(tiny, images, tmp_path):
    with pytest.raises(SettingsError, match=r"\.onnx"):
        run(tiny, images, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx.work").exists()


@pytest.mark.gpu
def test_an_encoder_that_has_done_its_work_leaves_the_gpu(tiny, images, tmp_path):
    on_gpu = dataclasses.replace(tiny, network=tiny.network.to("cuda"), device="cuda")
    places = []

    def look(record):
        places.append({parameter.device.type for parameter in on_gpu.network.image_encoder.parameters()})

    fine_tune(on_gpu, images[:3], images[3:], tmp_path / "o.safetensors", QUICK, on_epoch=look)
    assert places == [{"cpu"}] * 3
    assert {parameter.device.type for parameter in on_gpu.network.parameters()} == {"cuda"}


def test_progress_is_told(tiny, images, tmp_path):
    told = []
    fine_tune(tiny, images[:2], images[2:3], tmp_path / "o.safetensors", QUICK, progress=lambda *s: told.append(s))
    kinds = {what.split(",")[0] for what, _, _ in told}
    assert kinds == {
        "encoding training set",
        "encoding validation set",
        "training: epoch 1 of 2",
        "training: epoch 2 of 2",
    }
    what, done, total = told[-1]
    assert done == total == 2
    assert re.search(r", loss \d\.\d+, IoU \d\.\d+ click, \d\.\d+ box$", what)


def test_sets_without_objects_are_refused(tiny, images, tmp_path):
    empty = [dataclasses.replace(draw(9, tmp_path), instances=())]
    with pytest.raises(DatasetError, match="the training set has no image"):
        fine_tune(tiny, empty, images, tmp_path / "out.safetensors", QUICK)
    with pytest.raises(DatasetError, match="the validation set has no image"):
        fine_tune(tiny, images, empty, tmp_path / "out.safetensors", QUICK)


@pytest.mark.slow
def test_it_helps_on_images_that_it_was_not_trained_on(tmp_path):
    """Rings, which the embedded checkpoint takes for discs: a few epochs gain at least GAIN in held-out click IoU."""
    mini = samara.load("samara_mini", device="cpu", precision="float32", input_size=256)
    images = [draw_rings(seed, tmp_path) for seed in range(12)]
    settings = FineTuneSettings(
        epochs=3,
        images_per_step=1,
        warmup_steps=4,
        augmentations=(),
        patience=None,
        ema_decay=0.8,
        simulation=PromptSimulation(rounds=1, rounds_without_points=0),
        losses=LossWeights(focal=0, cross_entropy=0.5),
    )
    result = fine_tune(mini, images[:8], images[8:], tmp_path / "out.safetensors", settings)
    before, best = result.history[0], result.best
    assert best.click_iou > before.click_iou + GAIN
    assert best.box_iou > before.box_iou


@pytest.mark.slow
def test_the_embedded_checkpoint_overfits_two_images(mini, tmp_path):
    images = [draw(seed, tmp_path, size=(192, 256)) for seed in (21, 22)]
    settings = FineTuneSettings(
        epochs=60, learning_rate=5e-4, warmup_steps=5, augmentations=(), patience=None, ema_decay=0.9
    )
    result = fine_tune(mini, images, images, tmp_path / "out.safetensors", settings)
    assert result.best.click_iou > 0.95
    assert result.best.box_iou > 0.95


def saved(tiny, path):
    """The same network, as if it were loaded from a file."""
    save_checkpoint(path, tiny.network.state_dict(), {})
    return dataclasses.replace(tiny, provenance=dataclasses.replace(tiny.provenance, path=str(path)))


def test_the_checkpoint_that_was_loaded_may_be_replaced(tiny, images, tmp_path):
    path = tmp_path / "mine.safetensors"
    loaded = saved(tiny, path)
    before = {name: value.clone() for name, value in loaded.network.state_dict().items()}
    result = run(loaded, images, path, learning_rate=3e-3, ema_decay=None)
    after = load_file(path)
    assert after.keys() == before.keys()
    changed = {name for name, value in after.items() if not value.equal(before[name])}
    assert bool(changed) == bool(result.best.epoch)
    assert all(value.equal(before[name]) for name, value in loaded.network.state_dict().items())


def test_a_checkpoint_that_is_gone_when_the_run_is_over_costs_nothing(tiny, images, tmp_path):
    path = tmp_path / "mine.safetensors"
    loaded = saved(tiny, path)
    path.unlink()
    with pytest.raises(SamaraError):
        run(loaded, images, tmp_path / "new.safetensors")  # told before an epoch, not after the last
    assert not (tmp_path / "new.safetensors.work" / "state.safetensors").exists()


def test_updates_apart_do_not_replace_their_checkpoint(tiny, images, tmp_path):
    path = tmp_path / "mine.safetensors"
    loaded = saved(tiny, path)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="is the checkpoint that the low-rank updates belong to"):
        run(loaded, images, path, trained="lora", lora_apart=True)
    assert path.read_bytes() == before
    assert not (tmp_path / "mine.safetensors.work").exists()


def test_float32_is_exact_on_a_gpu(tiny, tmp_path, monkeypatch):
    """Training and validation ask for exact products, which PyTorch's default for convolutions is not."""
    asked = []
    monkeypatch.setattr(
        loop, "float32_products", lambda device, **more: (asked.append((device, more)), contextlib.nullcontext())[1]
    )
    images = [draw(index, tmp_path) for index in range(3)]
    settings = dataclasses.replace(FEW_STEPS, epochs=1, images_per_step=1)
    fine_tune(tiny, images[:2], images[2:], tmp_path / "tuned.safetensors", settings)
    assert asked == [("cpu", {})] * (1 + 2 + 1)  # before training, two steps, after them
