"""Presets of files: chosen, stated by the file, known of the catalogue, or guessed from a name and warned of."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings

import numpy as np
import pytest

import samara
from samara.checkpoints import catalogue
from samara.checkpoints.catalogue import find
from samara.checkpoints.identification.identify import PRESET_KEY, identify
from samara.checkpoints.save import save_checkpoint
from samara.errors import EmbeddingError, PromptError, SettingsError, WrongCheckpoint
from samara.networks.presets import PRESETS
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.stored_predictor import StoredPredictor
from tests.checkpoints.identification.test_vit_numbers import small_network

IMAGE = np.random.default_rng(0).integers(30, 200, (60, 110, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def state():
    return small_network(128).state_dict()


def written(state, path, **metadata):
    save_checkpoint(path, state, metadata)
    return path


def loaded(path, **more):
    return samara.load(path, device="cpu", precision="float32", **more)


def test_a_chosen_preset_prepares_images_and_limits_prompts(state, tmp_path):
    path = written(state, tmp_path / "mine.pth")
    plain, medical = loaded(path), loaded(path, preset="medsam")
    assert (plain.variant.preset, medical.variant.preset) == (None, "medsam")
    assert medical.name == "mine.pth with preset medsam"
    prepared = medical.network_input(IMAGE)
    assert prepared.shape == (1, 3, plain.input_size, plain.input_size)
    assert (prepared.min(), prepared.max()) == (0, 1)
    assert plain.network_input(IMAGE).min() < 0
    predictor = samara.Predictor(medical)
    embedding = predictor.embed(IMAGE)
    assert embedding.frame.fit == "squash"
    assert len(predictor.predict(embedding, boxes=[5, 5, 90, 50])) == 1  # of three only the single one was trained
    with pytest.raises(PromptError, match="with the preset medsam cannot take points; SAM, .* can"):
        predictor.predict(embedding, points=[5, 5])
    with pytest.raises(PromptError, match="with the preset medsam answers boxes alone"):
        samara.AutomaticMaskGenerator(medical).generate(IMAGE)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "sam"])
def test_presets_never_share_an_embedding(state, tmp_path, name):
    path = written(state, tmp_path / "mine.pth")
    plain, other, again = loaded(path), loaded(path, preset=name), loaded(path, preset="sam")
    assert plain.fingerprint == again.fingerprint != other.fingerprint
    store = EmbeddingStore(tmp_path / "store", 1 << 30)
    first, second = (StoredPredictor(one, store).embed(IMAGE) for one in (plain, other))
    assert not first.features.equal(second.features)
    assert len(list((tmp_path / "store").glob("??/*"))) == 2
    StoredPredictor(again, store).embed(IMAGE)
    assert len(list((tmp_path / "store").glob("??/*"))) == 2
    with pytest.raises(EmbeddingError, match="not by mine.pth"):
        samara.Predictor(other).predict(first, boxes=[5, 5, 90, 50])


def test_every_preset_has_fingerprints_of_its_own(state, tmp_path):
    path = written(state, tmp_path / "mine.pth")
    assert len({loaded(path, preset=name).fingerprint for name in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_file_states_its_preset(state, tmp_path, suffix):
    path = written(state, tmp_path / f"tuned.{suffix}", **{PRESET_KEY: "medsam"})
    assert identify(path).preset == "medsam"
    assert "with the preset 'medsam'" in identify(path).description
    assert loaded(path).variant.preset == "medsam"
    assert loaded(path).name == f"tuned.{suffix}"
    assert loaded(path, preset="sam").variant.preset == "sam"


def test_a_part_takes_the_preset_of_its_base(state, tmp_path):
    base = written(state, tmp_path / "whole.pth", **{PRESET_KEY: "medsam"})
    part = {name: value for name, value in state.items() if name.startswith("mask_decoder.")}
    decoder = written(part, tmp_path / "decoder.pth")
    assert loaded(decoder, base=base).variant.preset == "medsam"


def test_a_preset_of_another_version_is_told(state, tmp_path):
    path = written(state, tmp_path / "tuned.pth", **{PRESET_KEY: "later"})
    with pytest.raises(WrongCheckpoint, match="wants the preset 'later', which this version of samara lacks; pass one"):
        loaded(path)
    assert loaded(path, preset="sam").variant.preset == "sam"


def test_an_unknown_preset_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(SettingsError, match="no preset 'x'"):
        loaded(tmp_path / "nothing.pth", preset="x")


@pytest.mark.parametrize(("name", "metadata"), [("MedSAM-liver.pth", {}), ("best.pth", {"samara": "medsam"})])
def test_what_seems_to_be_medsam_is_warned_of(state, tmp_path, name, metadata):
    path = written(state, tmp_path / name, **metadata)
    with pytest.warns(UserWarning, match=r"seems to be MedSAM.*pass `preset='medsam'`, or `preset='sam'`") as told:
        loaded(path)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loaded(path, preset="medsam").variant.preset == "medsam"
        loaded(path, preset="sam")


def test_a_published_file_has_the_preset_of_its_row(state, tmp_path, monkeypatch):
    """By its digest, whatever it is called; and so does random weights by the row's name."""
    path = written(state, tmp_path / "renamed.pth")
    row = dataclasses.replace(
        find("medsam"),
        variant=identify(path).variant,
        size_bytes=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    for module in ("identification.identify", "identified"):
        monkeypatch.setattr(f"samara.checkpoints.{module}.CATALOGUE", (*catalogue.CATALOGUE[:3], row))
    medical = loaded(path)
    assert (medical.name, medical.variant.preset) == ("medsam", "medsam")


def test_rows_have_their_preset():
    assert find("medsam").network.preset == "medsam"
    assert not find("medsam").network.capabilities.points
    assert find("sam_vit_b").network.preset is None
    assert find("lite_medsam").network.preprocessing.scale == "image"
