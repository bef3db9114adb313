"""EfficientSAM's files: under "model", one in a zip; identified, told about, loaded and written as they came."""

from __future__ import annotations

import zipfile

import pytest
import torch

import samara
from samara.checkpoints.catalogue import find
from samara.checkpoints.file_form import file_form_of
from samara.checkpoints.identification.families import recognise
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.identification.key_tables import NO_FAULTS
from samara.checkpoints.save import save_checkpoint
from samara.errors import UnrecognisedCheckpoint, WrongCheckpoint
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import write_safetensors
from tests.parity.deterministic import golden

GOLDEN = {"ti": "efficient_sam_vitt", "s": "efficient_sam_vits"}


def published(size):
    """Names and shapes of an official file."""
    return {name: tuple(one["shape"]) for name, one in golden(GOLDEN[size])["layout"].items()}


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("size", GOLDEN)
def test_official_files_are_recognised(size, prefix, tmp_path):
    path = write_safetensors(
        tmp_path / "x.safetensors", {f"{prefix}{name}": shape for name, shape in published(size).items()}
    )
    found = identify(path)
    assert (found.family, found.variant, found.part) == ("efficient_sam", f"efficient_sam_{size}", "whole")
    assert (found.missing, found.unexpected, found.misshapen) == ((), (), ())


@pytest.mark.parametrize("size", GOLDEN)
def test_a_row_says_what_is_known(size):
    row, variant = find(f"efficientsam_{size}"), VARIANTS[f"efficient_sam_{size}"]
    assert (row.variant, row.licence, row.input_size) == (variant.name, "Apache-2.0", 1024)
    assert row.archive_name == (None if size == "ti" else "efficient_sam_vits.pt.zip")
    assert len(row.git_blob_sha1) == 40


@pytest.mark.parametrize("part", ["image_encoder", "prompt_encoder", "mask_decoder"])
@pytest.mark.parametrize("bare", [False, True])
def test_parts_are_recognised(part, bare, tmp_path):
    shapes = {name: shape for name, shape in published("s").items() if name.startswith(part)}
    if bare:
        shapes = {name.removeprefix(f"{part}."): shape for name, shape in shapes.items()}
    found = recognise(shapes)
    assert (found.family, found.part) == ("efficient_sam", part)
    assert found.variant == ("efficient_sam_s" if part == "image_encoder" else None)
    assert found.faults == NO_FAULTS


def test_faults_are_told():
    shapes = published("ti")
    gone = "mask_decoder.final_output_upscaling_layers.0.1.bias"
    del shapes[gone]
    shapes |= {"image_encoder.blocks.3.attn.qkv.bias": (575,), "image_encoder.extra": (1,)}
    found = recognise(shapes)
    assert found.variant == "efficient_sam_ti"
    assert (found.faults.missing, found.faults.unexpected) == ((gone,), ("image_encoder.extra",))
    assert found.faults.misshapen == ("image_encoder.blocks.3.attn.qkv.bias",)


def test_a_size_that_nobody_published(tmp_path):
    shapes = {name: tuple(100 if side == 192 else side for side in shape) for name, shape in published("ti").items()}
    path = write_safetensors(tmp_path / "own.safetensors", shapes)
    with pytest.raises(WrongCheckpoint, match="100 wide as no published size"):
        samara.load(path)


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_network(VARIANTS["efficient_sam_ti"]).half().float().eval()


@pytest.fixture(scope="module")
def state(network):
    return {name: one.half() for name, one in network.state_dict().items()}


def test_the_official_layout_is_loaded_and_written_again(tmp_path, network, state):
    path = tmp_path / "mine.pt"
    torch.save({"model": state}, path)
    assert "EfficientSAM-Ti" in identify(path).description
    loaded = samara.load(path, device="cpu", precision="float32")
    assert (loaded.variant.name, loaded.input_size) == ("efficient_sam_ti", 1024)
    assert (loaded.pred_iou_thresh, loaded.stability_score_thresh) == (0.7, 0.9)
    assert all(value.equal(loaded.network.state_dict()[name]) for name, value in network.state_dict().items())
    form = file_form_of(loaded)
    save_checkpoint(tmp_path / "again.pt", form.state(loaded.sam), {}, wrapper=form.wrapper)
    assert torch.load(tmp_path / "again.pt", weights_only=True)["model"].keys() == state.keys()


def test_the_zip_under_the_name_of_the_file_in_it(tmp_path, state):
    """The official file of S is a zip; its content says so, whatever it is called."""
    torch.save({"model": state}, tmp_path / "inner.pt")
    with zipfile.ZipFile(tmp_path / "efficient_sam_vits.pt", "w") as archive:
        archive.write(tmp_path / "inner.pt", "weights/efficient_sam_vits.pt")
    with pytest.raises(UnrecognisedCheckpoint, match=r"around weights/efficient_sam_vits.pt; unzip it"):
        samara.load(tmp_path / "efficient_sam_vits.pt")


def test_a_decoder_is_laid_over_its_base(tmp_path, network):
    torch.save({"model": network.state_dict()}, tmp_path / "whole.pt")
    decoder = {name: one + 1 for name, one in network.mask_decoder.state_dict().items()}
    torch.save(decoder, tmp_path / "decoder.pt")
    loaded = samara.load(tmp_path / "decoder.pt", base=tmp_path / "whole.pt", device="cpu")
    assert loaded.variant.name == "efficient_sam_ti"
    assert loaded.sam.mask_decoder.iou_token.weight.equal(network.mask_decoder.iou_token.weight + 1)
