import contextlib
import errno
import json
import os
import subprocess
import sys
import warnings
import zipfile

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from samara.checkpoints.reading.file_kinds import describe_path
from samara.checkpoints.reading.state_dicts import read_layout, read_state_dict
from samara.errors import SamaraError, UnrecognisedCheckpoint, UnsafeCheckpoint
from tests.checkpoints.files import shapes_of, write_safetensors, write_torch_zip, write_ultralytics_style, write_zip

TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16]
TYPES += [torch.int8, torch.uint8, torch.bool, torch.complex64, torch.uint16, torch.float8_e4m3fn]


def awkward_state():
    """Tensors of every type, and the shapes that readers get wrong."""
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(4, 5, generator=generator)
    state = {f"type.{dtype}".replace("torch.", ""): numbers.abs().to(dtype) for dtype in TYPES}
    state["transposed"] = numbers.T
    state["slice"] = numbers[1:3, ::2]
    state["scalar"] = torch.tensor(3)
    state["empty"] = torch.zeros(0, 7)
    state["tied"] = state["slice"]
    state["parameter"] = torch.nn.Parameter(numbers.clone())
    return state


def assert_equal(found, expected):
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name].to(torch.complex128), tensor.detach().to(torch.complex128)), name


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_are_those_of_torch_load(tmp_path, legacy):
    path = tmp_path / "x.pt"
    state = awkward_state()
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    assert_equal(read_state_dict(path), state)
    if not legacy:  # torch writes uint16 into legacy files, but cannot read it there
        assert_equal(read_state_dict(path), torch.load(path, weights_only=True))
    layout = read_layout(path)
    assert {name: info.shape for name, info in layout.tensors.items()} == {n: tuple(t.shape) for n, t in state.items()}


def test_tensors_are_those_of_safetensors(tmp_path):
    path = tmp_path / "x.safetensors"
    state = {
        name: tensor.detach().clone().contiguous() for name, tensor in awkward_state().items() if "complex" not in name
    }
    save_file(state, path)
    assert_equal(read_state_dict(path), {name: state[name] for name in read_layout(path).tensors})


def test_a_zip_that_was_compressed_again_is_read(tmp_path):
    stored, deflated = tmp_path / "stored.pt", tmp_path / "deflated.pt"
    state = {"a": torch.arange(1000.0), "b": torch.ones(3, dtype=torch.int16)}
    torch.save(state, stored)
    with zipfile.ZipFile(stored) as old, zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    assert_equal(read_state_dict(deflated), state)


def test_a_pickled_module_gives_its_state_dict(tmp_path):
    network = torch.nn.Sequential(
        torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3))
    )
    torch.save({"model": network.half(), "ema": None}, tmp_path / "x.pt")
    assert_equal(read_state_dict(tmp_path / "x.pt"), network.state_dict())


def test_wrappers_and_prefixes_are_taken_off(tmp_path):
    state = {
        "module.image_encoder.pos_embed": torch.ones(2),
        "module.mask_decoder.iou_token.weight": torch.zeros(1),
    }
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "x.pt")
    layout = read_layout(tmp_path / "x.pt")
    assert list(layout.tensors) == ["image_encoder.pos_embed", "mask_decoder.iou_token.weight"]
    assert (layout.wrapper, layout.prefix, layout.beside) == ("state_dict", "module.", ("epoch",))
    assert list(read_state_dict(tmp_path / "x.pt")) == list(layout.tensors)


def test_writing_to_a_tensor_leaves_the_file_alone(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"a": torch.ones(8)}, path)
    before = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_state_dict(path)["a"].zero_()
    assert path.read_bytes() == before


def test_tensors_outlive_the_file(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"a": torch.arange(8.0)}, path)
    state = read_state_dict(path)
    path.unlink()
    assert state["a"].sum() == 28


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="counts read calls on Linux")
@pytest.mark.parametrize("write", [write_torch_zip, write_safetensors])
def test_the_layout_of_the_largest_file_is_read_without_its_numbers(tmp_path, write):
    path = write(tmp_path / "sam_vit_h.pth", shapes_of("vit_h"))
    assert path.stat().st_size > 2_564_363_456
    code = (
        "import io, pathlib, sys\n"
        "from samara.checkpoints.reading.state_dicts import read_layout\n"
        "def count():\n"
        "    text = pathlib.Path('/proc/self/io').read_text()\n"
        "    return int(text.split('rchar:')[1].split()[0])\n"
        "before = count()\n"
        "layout = read_layout(pathlib.Path(sys.argv[1]))\n"
        "print(count() - before, layout.elements, 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    read, elements, imported_torch = done.stdout.split()
    assert int(read) < 2_000_000
    assert int(elements) == 641_090_608 + 256
    assert imported_torch == "False"


def test_a_hostile_file_is_refused_in_a_sentence_and_runs_nothing(tmp_path):
    marker = tmp_path / "marker"
    command = f"touch {marker}".encode()
    path = write_zip(tmp_path / "x.pth", {"x/data.pkl": b"cos\nsystem\n(S'" + command + b"'\ntR."})
    for read in (read_layout, read_state_dict):
        with pytest.raises(UnsafeCheckpoint, match=r"x\.pth would call os\.system when loaded; nothing was run"):
            read(path)
    assert not marker.exists()


def test_a_bare_hostile_pickle_is_refused(tmp_path):
    path = tmp_path / "x.pth"
    path.write_bytes(b"cposix\nsystem\n(S'true'\ntR.")
    with pytest.raises(UnsafeCheckpoint, match=r"posix\.system"):
        read_layout(path)


def test_a_damaged_file_is_named_in_a_sentence(tmp_path):
    path = tmp_path / "x.pth"
    torch.save({"a": torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        UnrecognisedCheckpoint,
        match=r"x\.pth is not a readable checkpoint: .*broken download.*download the file again\.",
    ):
        read_layout(path)


def test_what_is_no_checkpoint_is_described(tmp_path):
    path = tmp_path / "x.pth"
    path.write_bytes(b"<!DOCTYPE html><html>")
    with pytest.raises(UnrecognisedCheckpoint) as raised:
        read_layout(path)
    assert str(raised.value) == describe_path(path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "x.pth", {"a": b"x"})

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("samara.checkpoints.reading.torch_file.read_zip_contents", refuse)
    with pytest.raises(UnrecognisedCheckpoint, match=r"x\.pth cannot be read: Permission denied\."):
        read_layout(path)


def test_a_local_header_that_lies_is_refused(tmp_path):
    path = write_torch_zip(tmp_path / "x.pth", {"a": (4,)})
    data = bytearray(path.read_bytes())
    place = data.index(b"x/data/0") - 2
    data[place : place + 2] = b"\xff\xff"
    path.write_bytes(data)
    assert read_layout(path).tensors["a"].shape == (4,)
    with pytest.raises(UnrecognisedCheckpoint, match="beyond its end"):
        read_state_dict(path)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    state = {"image_encoder.a": torch.arange(6.0), "b": torch.ones(2, 2, dtype=torch.float16)}
    torch.save({"model": state}, folder / "zip")
    torch.save({"model": torch.nn.ReLU(), "x": state}, folder / "legacy", _use_new_zipfile_serialization=False)
    save_file(state, folder / "safetensors")
    return folder


@given(
    kind=st.sampled_from(["zip", "legacy", "safetensors"]),
    place=st.floats(0, 1),
    inserted=st.binary(max_size=6),
    removed=st.integers(0, 6),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_end_in_tensors_or_a_sentence(originals, tmp_path, kind, place, inserted, removed):
    data = (originals / kind).read_bytes()
    position = int(place * len(data))
    path = tmp_path / "x"
    path.write_bytes(data[:position] + inserted + data[position + removed :])
    for read in (read_layout, read_state_dict):
        with contextlib.suppress(SamaraError):
            read(path)


def test_a_module_of_a_package_that_is_not_installed_is_read(tmp_path):
    path = write_ultralytics_style(tmp_path / "yolo11n-seg.pt", shapes_of("yolo11n_seg"))
    layout = read_layout(path)
    assert {name: info.shape for name, info in layout.tensors.items()} == shapes_of("yolo11n_seg")
    assert (layout.pickled_module, layout.wrapper) == (True, "model")
    assert layout.metadata["class"] == "ultralytics.nn.tasks.SegmentationModel"
    assert json.loads(layout.metadata["names"]) == {"0": "object"}
    state = read_state_dict(path)
    assert state["model.0.conv.weight"].dtype == torch.float16
    assert "ultralytics" not in sys.modules
