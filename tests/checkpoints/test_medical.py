"""Files of LiteMedSAM and SAM-Med2D: told from MobileSAM and SAM by content, loaded strictly, written as they came."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import samara
from samara.checkpoints.catalogue import find
from samara.checkpoints.file_form import file_form_of
from samara.checkpoints.identification.families import recognise
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.identification.key_tables import NO_FAULTS, expected_shapes
from samara.checkpoints.load import network_from_file, random_network
from samara.checkpoints.save import save_checkpoint
from samara.engines.loaded import Loaded, Provenance
from samara.errors import WrongCheckpoint
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import write_safetensors
from tests.engines.conftest import SMALL

COUNTS = {"lite_medsam": (9_791_300, 435), "sam_med2d_b": (271_241_776, 386)}
NAMES = pytest.mark.parametrize("name", COUNTS)


def published(name):
    """Names and shapes of its network."""
    with torch.device("meta"):
        network = build_network(VARIANTS[name])
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


@NAMES
def test_the_table_is_that_of_the_network(name):
    shapes = published(name)
    assert expected_shapes(name) == shapes
    with torch.device("meta"):
        parameters = sum(one.numel() for one in build_network(VARIANTS[name]).parameters())
    assert (parameters, len(shapes)) == COUNTS[name] == (VARIANTS[name].parameters, VARIANTS[name].keys)


def test_facts_of_the_official_layouts():
    lite, adapted = published("lite_medsam"), published("sam_med2d_b")
    assert lite["image_encoder.patch_embed.seq.0.c.weight"] == (32, 3, 1, 1)
    assert lite["image_encoder.patch_embed.seq.2.c.weight"] == (64, 32, 1, 1)
    assert adapted["image_encoder.pos_embed"] == (1, 16, 16, 768)
    assert adapted["image_encoder.blocks.2.attn.rel_pos_h"] == (31, 64)
    assert adapted["image_encoder.blocks.0.Adapter.channel.0.weight"] == (192, 768)
    assert adapted["image_encoder.blocks.11.Adapter.spatial.2.weight"] == (768, 768, 4, 4)


@NAMES
def test_content_tells_them(name):
    found = recognise(published(name))
    assert (found.variant, found.part, found.network) == (name, "whole", VARIANTS[name])
    assert (found.faults, found.note) == (NO_FAULTS, "")


@NAMES
def test_faults_are_told(name):
    shapes = published(name)
    gone = next(key for key in shapes if key.startswith("image_encoder.neck"))
    del shapes[gone]
    shapes |= {"image_encoder.extra": (1,), "mask_decoder.iou_token.weight": (1, 128)}
    found = recognise(shapes)
    assert (found.variant, found.faults.missing, found.faults.unexpected) == (name, (gone,), ("image_encoder.extra",))
    assert found.faults.misshapen == ("mask_decoder.iou_token.weight",)


def test_an_adapter_of_another_width_is_a_variant_of_its_own(tmp_path):
    other = dataclasses.replace(VARIANTS["sam_med2d_b"].image_encoder, adapter_width=96)
    shapes = expected_shapes(dataclasses.replace(VARIANTS["sam_med2d_b"], image_encoder=other))
    found = recognise(shapes)
    assert found.network.image_encoder == VARIANTS["sam_med2d_b"].image_encoder  # the published size is what it lacks
    assert found.faults.misshapen[0] == "image_encoder.blocks.0.Adapter.channel.0.weight"
    with pytest.raises(WrongCheckpoint, match="of another shape"):
        samara.load(write_safetensors(tmp_path / "other.safetensors", shapes))


@NAMES
def test_rows_say_what_is_known(name):
    row = find(name)
    assert (row.variant, row.licence, row.input_size) == (name, "Apache-2.0", 256)
    if row.size_bytes is not None:
        assert 0 < row.size_bytes - 4 * VARIANTS[name].parameters < 1e6


@NAMES
@pytest.mark.parametrize("wrapper", [None, "model"])
def test_a_file_is_loaded_and_written_in_the_layout_it_came_in(tmp_path, name, wrapper):
    variant = dataclasses.replace(VARIANTS[name], image_encoder=SMALL[name])
    state = random_network(variant, 64, seed=1).state_dict()
    path = tmp_path / "mine.pth"
    torch.save(state if wrapper is None else {wrapper: state}, path)
    network = network_from_file(path, variant, 64)
    assert all(value.equal(network.state_dict()[key]) for key, value in state.items())
    provenance = Provenance("mine", str(path), None, "file", (path,))
    loaded = Loaded(network, variant, provenance, 64, 0.88, 0.95, device="cpu", precision="float32")
    form = file_form_of(loaded)
    # LiteMedSAM's own loader takes a flat file alone.
    assert form.wrapper == (wrapper if name == "sam_med2d_b" else None)
    save_checkpoint(tmp_path / "again.pth", form.state(network), {}, wrapper=form.wrapper)
    again = torch.load(tmp_path / "again.pth", weights_only=True)
    assert (again if form.wrapper is None else again[form.wrapper]).keys() == state.keys()


def test_a_decoder_is_laid_over_lite_medsam(tmp_path):
    state = random_network(VARIANTS["lite_medsam"], None, seed=1).state_dict()
    torch.save(state, tmp_path / "whole.pth")
    decoder = {key: value + 1 for key, value in state.items() if key.startswith("mask_decoder.")}
    torch.save(decoder, tmp_path / "decoder.pth")
    loaded = samara.load(tmp_path / "decoder.pth", base=tmp_path / "whole.pth", device="cpu")
    assert (loaded.variant.name, loaded.input_size, loaded.frame_size, loaded.grid) == ("lite_medsam", 256, 256, 64)
    assert "LiteMedSAM (lite_medsam)" in identify(tmp_path / "whole.pth").description
    key = "mask_decoder.iou_token.weight"
    assert loaded.sam.state_dict()[key].equal(state[key] + 1)
