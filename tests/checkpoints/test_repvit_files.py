"""Files of EdgeSAM and RepViT-SAM: published and re-parameterised, identified, loaded and written as they came."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import samara
from samara.checkpoints.catalogue import find
from samara.checkpoints.file_form import file_form_of
from samara.checkpoints.identification.families import recognise
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.identification.key_tables import NO_FAULTS
from samara.checkpoints.save import save_checkpoint
from samara.errors import WrongCheckpoint
from samara.networks.build import build_network
from samara.networks.folding import folded
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import write_safetensors
from tests.checkpoints.identification.test_repvit_keys import NAMES, published, reparameterised


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", [published, reparameterised])
def test_official_files_are_recognised(name, layout):
    found = recognise(layout(name))
    assert (found.family, found.variant, found.part) == (name, name, "whole")
    assert found.faults == NO_FAULTS
    merged = layout is reparameterised
    assert found.note == ("re-parameterised" if merged else "")
    assert found.network == (VARIANTS[name].reparameterised() if merged else VARIANTS[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", [published, reparameterised])
@pytest.mark.parametrize("bare", [False, True])
def test_an_encoder_alone_is_recognised(name, layout, bare):
    shapes = {key: shape for key, shape in layout(name).items() if key.startswith("image_encoder.")}
    if bare:
        shapes = {key.removeprefix("image_encoder."): shape for key, shape in shapes.items()}
    found = recognise(shapes)
    assert (found.variant, found.part) == (name, "image_encoder")
    assert found.faults == NO_FAULTS


@pytest.mark.parametrize("gone", ["fuse_stage2.weight", "features.7.token_mixer.0.conv1.bn.weight"])
def test_faults_are_told(gone):
    shapes = published("edge_sam")
    del shapes[f"image_encoder.{gone}"]
    shapes |= {"image_encoder.neck.1.weight": (128,), "image_encoder.features.27.extra": (1,)}
    found = recognise(shapes)
    assert found.variant == "edge_sam"
    assert (found.faults.missing, found.faults.unexpected) == (
        (f"image_encoder.{gone}",),
        ("image_encoder.features.27.extra",),
    )
    assert found.faults.misshapen == ("image_encoder.neck.1.weight",)


def test_a_width_that_nobody_published(tmp_path):
    shapes = published("edge_sam") | {"image_encoder.features.0.2.c.weight": (40, 24, 3, 3)}
    found = recognise(shapes)
    assert (found.family, found.variant) == ("edge_sam", None)
    with pytest.raises(WrongCheckpoint, match="its stem is 40 wide, as no published one"):
        samara.load(write_safetensors(tmp_path / "own.safetensors", shapes))


@pytest.mark.parametrize("name", ["edge_sam", "edge_sam_3x", "repvit_sam"])
def test_a_row_says_what_is_known(name):
    row = find(name)
    variant = VARIANTS[row.variant]
    is_edge = name != "repvit_sam"
    assert row.is_free_for_commerce is not is_edge
    assert variant.ranks_by == ("stability" if is_edge else "predicted IoU")
    assert (row.pred_iou_thresh, variant.pred_iou_thresh, variant.stability_score_thresh) == (None, 0.88, 0.95)
    assert (row.size_bytes == 38_807_540) is is_edge


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_network(VARIANTS["edge_sam"]).eval()


def state_of(network, form):
    """The network's state dict in either layout."""
    if form == "published":
        return network.state_dict()
    encoder = folded(network.image_encoder).state_dict(prefix="image_encoder.")
    rest = {key: one for key, one in network.state_dict().items() if not key.startswith("image_encoder.")}
    return {key.replace(".c.", "."): one for key, one in encoder.items()} | rest


@pytest.mark.parametrize("form", ["published", "re-parameterised"])
def test_both_layouts_are_loaded_and_written_again(tmp_path, network, form):
    state = state_of(network, form)
    path = tmp_path / "mine.pth"
    torch.save(state, path)
    assert ("re-parameterised" in identify(path).description) is (form != "published")
    loaded = samara.load(path, device="cpu", precision="float32")
    assert loaded.variant.ranks_by == "stability"
    assert (loaded.pred_iou_thresh, loaded.provenance.licence) == (0.88, None)
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(loaded.sam.image_encoder(image), network.image_encoder(image), rtol=1e-3, atol=1e-4)
    again = file_form_of(loaded)
    save_checkpoint(tmp_path / "again.pth", again.state(loaded.sam), {}, wrapper=again.wrapper)
    written = torch.load(tmp_path / "again.pth", weights_only=True)
    assert written.keys() == state.keys()
    assert all(one.equal(state[key]) for key, one in written.items())


def test_a_file_of_the_other_layout_is_no_part_of_this_one(network):
    """A mixture is told, not guessed."""
    shapes = {key: tuple(one.shape) for key, one in state_of(network, "published").items()}
    merged = {"image_encoder.features.3.token_mixer.0.weight": (48, 1, 3, 3)}
    found = recognise({key: shape for key, shape in shapes.items() if ".3.token_mixer.0" not in key} | merged)
    assert found.faults.unexpected == tuple(merged)
    assert any(key.startswith("image_encoder.features.3.token_mixer.0.conv") for key in found.faults.missing)


def test_only_repvit_has_that_form():
    with pytest.raises(TypeError, match="SAM ViT-B has no re-parameterised form"):
        VARIANTS["vit_b"].reparameterised()
    assert dataclasses.replace(VARIANTS["edge_sam"].reparameterised().image_encoder, reparameterised=False) == (
        VARIANTS["edge_sam"].image_encoder
    )
