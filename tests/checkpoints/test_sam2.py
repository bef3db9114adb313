"""SAM 2's files: the official ones and those of Hugging Face's transformers are identified, told about and loaded."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

import samara
from samara.checkpoints.file_form import file_form_of
from samara.checkpoints.identification.families import recognise
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.identification.key_tables import expected_shapes
from samara.checkpoints.reading.sam2_names import from_published, image_path, to_published
from samara.errors import WrongCheckpoint
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import write_safetensors, write_torch_zip
from tests.checkpoints.reading.test_folders import write_shards
from tests.parity.deterministic import golden

SIZES = {"t": "tiny", "s": "small", "b+": "base_plus", "l": "large"}
MAPPING = golden("sam2_hf_mapping")


def published(size, generation="sam2.1"):
    """Names and shapes of an official file."""
    expected = golden(f"sam2.1_hiera_{SIZES[size]}")
    left_out = expected["sam2_0_difference"]["only_in_2.1"] if generation == "sam2" else ()
    return {name: tuple(shape) for name, shape in expected["layout"].items() if name not in left_out}


def named_here(size, generation="sam2.1"):
    return from_published(published(size, generation))


@pytest.mark.parametrize("size", SIZES)
def test_the_table_is_that_of_the_official_network(size):
    table = expected_shapes(f"sam2.1_hiera_{size}")
    assert table == image_path(named_here(size)).entries == expected_shapes(f"sam2_hiera_{size}")


@pytest.mark.parametrize("generation", ["sam2", "sam2.1"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("write", [write_torch_zip, write_safetensors])
def test_whole_files_are_identified(tmp_path, size, generation, write):
    shapes = published(size, generation)
    options = {"wrap": lambda tensors: {"model": tensors}} if write is write_torch_zip else {}
    identity = identify(write(tmp_path / "mobile_sam.pt", shapes, **options))
    variant = VARIANTS[f"{generation}_hiera_{size}"]
    assert (identity.variant, identity.part, identity.network) == (variant.name, "whole", variant)
    assert (identity.missing, identity.unexpected, identity.misshapen, identity.keys) == ((), (), (), len(shapes))
    memory = {"sam2": 157, "sam2.1": 160}[generation]
    assert f"of which {memory} are its video memory and are not used" in identity.description


def test_faults_are_told():
    shapes = named_here("t")
    del shapes["image_encoder.trunk.blocks.3.proj.bias"]
    shapes["mask_decoder.iou_token.weight"] = (1, 128)
    shapes["memory_bank.weight"] = (3,)
    found = recognise(shapes)
    assert found.faults.missing == ("image_encoder.trunk.blocks.3.proj.bias",)
    assert found.faults.misshapen == ("mask_decoder.iou_token.weight",)
    assert found.faults.unexpected == ("memory_bank.weight",)


@pytest.mark.parametrize("part", ["image_encoder", "mask_decoder"])
def test_parts_are_recognised(part):
    shapes = {name: shape for name, shape in named_here("t").items() if name.startswith(part)}
    found = recognise(shapes)
    assert (found.family, found.part) == ("sam2", part)
    assert (found.variant is None) == (part == "mask_decoder")


def test_hq_sam_2_is_named():
    shapes = named_here("l") | {"mask_decoder.hf_token.weight": (1, 256)}
    assert recognise(shapes).variant == "sam2.1_hq_hiera_l"


def test_an_unknown_size_has_no_variant():
    shapes = named_here("t") | {"image_encoder.trunk.patch_embed.proj.weight": (48, 3, 7, 7)}
    assert (recognise(shapes).family, recognise(shapes).variant) == ("sam2", None)


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(VARIANTS["sam2.1_hiera_t"])
        for parameter in network.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter)
        return network.half().float().eval()


@pytest.fixture(scope="module")
def official(network):
    return official_state(network)


def official_state(network):
    """Everything that stands in an official file of SAM 2.1 tiny, in half precision; the memory is zero."""
    own = to_published(network.state_dict())
    return {
        name: own[name].half() if name in own else torch.zeros(shape, dtype=torch.half)
        for name, shape in published("t").items()
    }


def in_transformers(official):
    """The same in the layout of transformers, from its table."""
    theirs = {MAPPING["official_to_hf"][name]: one for name, one in official.items()}
    rows = [theirs.pop(name) for name in sorted(theirs) if name.endswith("]")]
    theirs["prompt_encoder.point_embed.weight"] = torch.cat(rows)
    theirs["shared_image_embedding.positional_embedding"] = theirs[
        "prompt_encoder.shared_embedding.positional_embedding"
    ]
    return theirs


def assert_loaded(path, network):
    loaded = samara.load(path, device="cpu", precision="float32")
    state = loaded.network.state_dict()
    assert all(value.equal(state[name]) for name, value in network.state_dict().items())
    return loaded


def test_an_official_file_is_loaded(tmp_path, network, official):
    torch.save({"model": official}, tmp_path / "finetuned.pt")
    loaded = assert_loaded(tmp_path / "finetuned.pt", network)
    assert (loaded.variant.name, loaded.pred_iou_thresh, loaded.input_size) == ("sam2.1_hiera_t", 0.8, 1024)


@pytest.mark.parametrize("whole", [True, False], ids=["Sam2VideoModel", "Sam2Model"])
def test_shards_of_transformers_are_loaded(tmp_path, network, official, whole):
    theirs = in_transformers(official)
    if not whole:
        theirs = {name: theirs[name] for name in MAPPING["keys_of_Sam2Model"]}
    theirs = {name: one.clone() for name, one in theirs.items()}  # safetensors refuses two names of one tensor
    index = write_shards(tmp_path / "folder", theirs)
    loaded = assert_loaded(index.parent, network)
    said = identify(index.parent).description
    assert "names translated from Hugging Face's transformers" in said
    # What is trained from it is written as it came.
    form = file_form_of(loaded)
    written = form.state(loaded.sam)
    assert form.wrapper is None
    assert written.keys() == theirs.keys()
    assert all(torch.equal(one.float(), theirs[name].float()) for name, one in written.items())
    save_file(written, tmp_path / "trained.safetensors")
    assert_loaded(tmp_path / "trained.safetensors", network)
    assert ("160 are its video memory" if whole else "without the video memory") in said


def test_a_decoder_is_laid_over_its_base(tmp_path, network, official):
    changed = {name: one + 1 for name, one in official.items() if name.startswith("sam_mask_decoder.iou")}
    decoder = {name: one for name, one in official.items() if name.startswith("sam_mask_decoder.")} | changed
    torch.save({"model": official}, tmp_path / "whole.pt")
    torch.save(decoder, tmp_path / "decoder.pt")
    with pytest.raises(WrongCheckpoint, match="needs the checkpoint that it belongs to"):
        samara.load(tmp_path / "decoder.pt")
    state = samara.load(tmp_path / "decoder.pt", base=tmp_path / "whole.pt", device="cpu").network.state_dict()
    for name, one in network.state_dict().items():
        expected = one.half() + 1 if name.startswith("mask_decoder.iou") else one
        assert state[name].equal(expected.float()), name
