import dataclasses
import hashlib
import shutil

import pytest
import torch

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.checkpoints.identification import identify as identify_module
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.store.store import CheckpointStore
from samara.errors import UnrecognisedCheckpoint
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import (
    ALL_LAYOUTS,
    parameters_of,
    shapes_of,
    write_safetensors,
    write_torch_zip,
    write_ultralytics_style,
)
from tests.checkpoints.reading.test_rename import to_transformers


@pytest.mark.parametrize("variant", ALL_LAYOUTS)
@pytest.mark.parametrize("write", [write_torch_zip, write_safetensors])
def test_full_size_files_are_identified(tmp_path, variant, write):
    # The name of another checkpoint: it must not matter.
    path = write(tmp_path / "sam2.1_hiera_tiny.pt", shapes_of(variant))
    identity = identify(path)
    assert (identity.variant, identity.part, identity.family) == (variant, "whole", VARIANTS[variant].family)
    assert identity.parameters == parameters_of(variant)
    assert identity.keys == len(shapes_of(variant))
    assert identity.dtypes == ("float32",)
    assert identity.path == path
    assert f"({variant})" in identity.description
    assert f"{parameters_of(variant):,} parameters" in identity.description


def test_description_is_one_sentence_without_a_full_stop(tmp_path):
    identity = identify(write_torch_zip(tmp_path / "x", shapes_of("vit_b"), wrap=lambda state: {"model": state}))
    assert identity.description == ("SAM ViT-B (vit_b), 93,735,472 parameters in 314 tensors of float32, under 'model'")


@pytest.mark.parametrize("prefix", ["module.", "model.", "sam.", "module.sam_model."])
def test_wrapped_files_are_identified(tmp_path, prefix):
    shapes = {prefix + name: shape for name, shape in shapes_of("vit_t").items()}
    path = write_torch_zip(tmp_path / "x", shapes, wrap=lambda state: {"state_dict": state, "epoch": 4})
    identity = identify(path)
    assert (identity.variant, identity.missing, identity.unexpected) == ("vit_t", (), ())


def test_transformers_layout_is_translated_and_said(tmp_path):
    shapes = {to_transformers(name): shape for name, shape in shapes_of("vit_b").items()}
    identity = identify(write_safetensors(tmp_path / "model.safetensors", shapes))
    assert (identity.variant, identity.missing, identity.unexpected) == ("vit_b", (), ())
    assert "translated from Hugging Face's transformers" in identity.description


def test_missing_keys_are_said(tmp_path):
    shapes = shapes_of("vit_l")
    for name in [name for name in shapes if name.startswith("image_encoder.blocks.7.norm1")] + [
        "mask_decoder.iou_token.weight"
    ]:
        del shapes[name]
    identity = identify(write_torch_zip(tmp_path / "x", shapes))
    assert identity.description.startswith("looks like SAM ViT-L (vit_l)")
    assert "but 3 keys are missing (first: image_encoder.blocks.7.norm1.weight)" in identity.description


def test_every_kind_of_fault_is_said(tmp_path):
    shapes = shapes_of("vit_b") | {"image_encoder.pos_embed": (1, 32, 32, 768), "head.weight": (2,)}
    del shapes["mask_decoder.iou_token.weight"]
    description = identify(write_torch_zip(tmp_path / "x", shapes)).description
    assert "1 key is missing (first: mask_decoder.iou_token.weight)" in description
    assert "1 key is not expected (first: head.weight)" in description
    assert "1 key is of another shape (first: image_encoder.pos_embed)" in description


@pytest.mark.parametrize(
    ("part", "said"), [("mask_decoder", "mask decoder only"), ("image_encoder", "image encoder only")]
)
def test_parts_are_said(tmp_path, part, said):
    shapes = {name: shape for name, shape in shapes_of("vit_b").items() if name.startswith(part)}
    identity = identify(write_torch_zip(tmp_path / "x", shapes))
    assert identity.part == part
    assert said in identity.description


def test_decoder_says_that_it_tells_no_size(tmp_path):
    shapes = {name: shape for name, shape in shapes_of("vit_b").items() if name.startswith("mask_decoder")}
    identity = identify(write_torch_zip(tmp_path / "x", shapes))
    assert identity.variant is None
    assert "so the image encoder it was trained for is unknown" in identity.description


def test_a_pickled_module_is_identified(tmp_path):
    identity = identify(write_ultralytics_style(tmp_path / "x.pt", shapes_of("fastsam_s")))
    assert (identity.variant, identity.classes) == ("fastsam_s", 1)
    own = identify(write_ultralytics_style(tmp_path / "y.pt", shapes_of("fastsam_s"), names={0: "cell"}))
    assert (own.variant, own.classes) == ("yolov8s_seg", 1)
    assert identity.metadata["class"] == "ultralytics.nn.tasks.SegmentationModel"
    assert set(identity.dtypes) == {"float16", "int64"}


def test_metadata_is_passed_on(tmp_path):
    path = write_safetensors(tmp_path / "x", shapes_of("vit_t"), metadata={"samara": "my own"})
    assert identify(path).metadata == {"samara": "my own"}


def test_embedded_checkpoint_is_identified():
    path = CheckpointStore().path(find("samara_mini"))
    assert identify(path).checkpoint == "samara_mini"
    exact = identify(path, check_hash=True)
    assert exact.checkpoint == "samara_mini"
    assert exact.description.endswith("the published samara_mini")


def test_a_changed_copy_is_told_by_its_digest_only(tmp_path):
    path = tmp_path / "copy"
    shutil.copy(CheckpointStore().path(find("samara_mini")), path)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x55")
    assert identify(path).checkpoint == "samara_mini"
    assert identify(path).description.endswith("by its size")
    exact = identify(path, check_hash=True)
    assert exact.checkpoint is None
    assert exact.description.endswith("not one of the published files by its digest")


def test_a_digest_names_a_file_of_unknown_size(tmp_path, monkeypatch):
    path = write_torch_zip(tmp_path / "x", shapes_of("hq_vit_t"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    rows = tuple(dataclasses.replace(row, sha256=digest) if row.name == "sam_hq_vit_tiny" else row for row in CATALOGUE)
    monkeypatch.setattr(identify_module, "CATALOGUE", rows)
    assert identify(path).checkpoint is None
    assert identify(path, check_hash=True).checkpoint == "sam_hq_vit_tiny"


def test_optimiser_state_is_named(tmp_path):
    network = torch.nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    for value in (optimiser.state_dict(), {"optimizer": optimiser.state_dict(), "epoch": 3}):
        torch.save(value, tmp_path / "x")
        with pytest.raises(UnrecognisedCheckpoint, match="optimiser state.*use the file with the weights"):
            identify(tmp_path / "x")


def test_a_file_without_tensors_says_what_it_holds(tmp_path):
    torch.save({"epoch": 3, "args": {}}, tmp_path / "x")
    with pytest.raises(UnrecognisedCheckpoint, match="contains no network, only: epoch, args"):
        identify(tmp_path / "x")
    torch.save([], tmp_path / "x")
    with pytest.raises(UnrecognisedCheckpoint, match="only: nothing"):
        identify(tmp_path / "x")


def test_another_network_is_named(tmp_path):
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "x")
    with pytest.raises(
        UnrecognisedCheckpoint,
        match=r"another network \(2 tensors, the first: weight, bias\); samara supports SAM",
    ):
        identify(tmp_path / "x")


def test_a_detector_without_masks_is_named(tmp_path):
    shapes = {name: shape for name, shape in shapes_of("yolov8n_seg").items() if "proto" not in name}
    with pytest.raises(UnrecognisedCheckpoint, match="a YOLO detector without masks"):
        identify(write_torch_zip(tmp_path / "x", shapes))


def test_text_paths_are_paths(tmp_path):
    with pytest.raises(UnrecognisedCheckpoint, match="patterns are not expanded"):
        identify(str(tmp_path / "sam_vit_h_*.pth"))


def test_each_digest_is_computed_once_however_many_rows_have_one(tmp_path, monkeypatch):
    """The files of micro-sam have no published size, so only their digests can tell them from any other ViT-B."""
    asked = []

    def digest(path, algorithm):
        asked.append(algorithm)
        return find("vit_b_lm").xxh128 if algorithm == "xxh128" else "0"

    monkeypatch.setattr("samara.checkpoints.identification.identify.digest_checkpoint", digest)
    path = write_torch_zip(tmp_path / "any.pt", shapes_of("vit_b"))
    assert identify(path, check_hash=True).checkpoint == "vit_b_lm"
    assert len(asked) == len(set(asked))
