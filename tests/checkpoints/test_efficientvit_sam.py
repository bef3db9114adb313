"""EfficientViT-SAM's files: flat and under "state_dict", identified, told about, loaded and written as they came."""

from __future__ import annotations

import pytest
import torch

import samara
from samara.checkpoints.catalogue import find
from samara.checkpoints.file_form import file_form_of
from samara.checkpoints.identification.families import recognise
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.identification.key_tables import NO_FAULTS, expected_shapes
from samara.checkpoints.save import save_checkpoint
from samara.errors import WrongCheckpoint
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import write_safetensors
from tests.parity.deterministic import golden

SIZES = {"l0": 409, "l1": 515, "l2": 645, "xl0": 455, "xl1": 701}


def published(size):
    """Names and shapes of an official file."""
    return {name: tuple(shape) for name, shape in golden(f"efficientvit_sam_{size}")["layout"].items()}


@pytest.mark.parametrize("size", SIZES)
def test_the_table_is_that_of_the_official_network(size):
    assert expected_shapes(f"efficientvit_sam_{size}") == published(size)
    assert len(published(size)) == SIZES[size]


@pytest.mark.parametrize("size", SIZES)
def test_official_files_are_recognised(size):
    found = recognise(published(size))
    assert (found.family, found.variant, found.part) == ("efficientvit_sam", f"efficientvit_sam_{size}", "whole")
    assert (found.faults, found.note) == (NO_FAULTS, "")


@pytest.mark.parametrize("size", SIZES)
def test_a_row_says_what_is_known(size):
    row, variant = find(f"efficientvit-sam-{size}"), VARIANTS[f"efficientvit_sam_{size}"]
    assert (row.variant, row.licence) == (variant.name, "Apache-2.0")
    assert row.input_size == variant.preprocessing.input_size == (1024 if size.startswith("xl") else 512)
    assert (variant.pred_iou_thresh, variant.stability_score_thresh) == (0.88, 0.95)
    if row.size_bytes is not None:
        assert 0 < row.size_bytes - 4 * variant.parameters < 1e6


@pytest.mark.parametrize("part", ["image_encoder", "prompt_encoder", "mask_decoder"])
@pytest.mark.parametrize("bare", [False, True])
def test_parts_are_recognised(part, bare):
    shapes = {name: shape for name, shape in published("l1").items() if name.startswith(part)}
    if bare:
        shapes = {name.removeprefix(f"{part}."): shape for name, shape in shapes.items()}
    found = recognise(shapes)
    assert found.part == part
    assert found.variant == ("efficientvit_sam_l1" if part == "image_encoder" else None)
    assert found.faults == NO_FAULTS


def test_faults_are_told():
    shapes = published("l2")
    gone = "image_encoder.neck.middle.op_list.3.main.point_conv.norm.bias"
    del shapes[gone]
    shapes |= {"image_encoder.norm.weight": (128,), "image_encoder.backbone.extra": (1,)}
    found = recognise(shapes)
    assert found.variant == "efficientvit_sam_l2"
    assert (found.faults.missing, found.faults.unexpected) == ((gone,), ("image_encoder.backbone.extra",))
    assert found.faults.misshapen == ("image_encoder.norm.weight",)


def test_a_size_that_nobody_published(tmp_path):
    shapes = {name: shape for name, shape in published("l2").items() if ".middle.op_list.11." not in name}
    found = recognise(shapes)
    assert (found.family, found.variant) == ("efficientvit_sam", None)
    path = write_safetensors(tmp_path / "own.safetensors", shapes)
    with pytest.raises(WrongCheckpoint, match="its blocks are those of no published size"):
        samara.load(path)


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(VARIANTS["efficientvit_sam_l0"]).half().float()
    for name, one in network.named_buffers():
        if name.endswith("running_mean"):
            one.normal_(generator=torch.Generator().manual_seed(len(name))).mul_(1 / 64).round_()
    return network.eval()


@pytest.mark.parametrize("wrapper", [pytest.param(None, marks=pytest.mark.slow), "state_dict"])
def test_both_official_layouts_are_loaded_and_written_again(tmp_path, network, wrapper):
    state = {name: one.half() if one.is_floating_point() else one for name, one in network.state_dict().items()}
    path = tmp_path / "mine.pt"
    torch.save(state if wrapper is None else {wrapper: state}, path)
    assert "EfficientViT-SAM l0" in identify(path).description
    loaded = samara.load(path, device="cpu", precision="float32")
    assert (loaded.variant.name, loaded.input_size, loaded.frame_size) == ("efficientvit_sam_l0", 512, 1024)
    assert all(value.equal(loaded.network.state_dict()[name]) for name, value in network.state_dict().items())
    form = file_form_of(loaded)
    save_checkpoint(tmp_path / "again.pt", form.state(loaded.sam), {}, wrapper=form.wrapper)
    again = torch.load(tmp_path / "again.pt", weights_only=True)
    assert (again if wrapper is None else again[wrapper]).keys() == state.keys()


def test_a_decoder_is_laid_over_its_base(tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "whole.pt")
    decoder = {name: one + 1 for name, one in network.mask_decoder.state_dict().items()}
    torch.save(decoder, tmp_path / "decoder.pt")
    loaded = samara.load(tmp_path / "decoder.pt", base=tmp_path / "whole.pt", device="cpu")
    assert loaded.variant.name == "efficientvit_sam_l0"
    assert loaded.sam.mask_decoder.iou_token.weight.equal(network.mask_decoder.iou_token.weight + 1)
