import io
import pickle
import zipfile

import pytest
import torch

from samara.checkpoints.reading import torch_file
from samara.checkpoints.reading.layout import ForbiddenCallError, MalformedFileError
from samara.checkpoints.reading.torch_file import read_legacy_contents, read_zip_contents
from tests.checkpoints.files import HollowPickler, HollowStorage, HollowTensor, write_zip


def saved(path, value, *, legacy=False):
    torch.save(value, path, _use_new_zipfile_serialization=not legacy)
    return path


def rewritten(path, change):
    """Write a zip again, with `change` applied to its records."""
    with zipfile.ZipFile(path) as archive:
        records = {info.filename: archive.read(info) for info in archive.infolist()}
    return write_zip(path, change(records))


def read(path):
    return read_legacy_contents(path) if path.read_bytes()[:2] != b"PK" else read_zip_contents(path)


STATE = {"a": torch.arange(6).reshape(2, 3), "b": torch.zeros(3, dtype=torch.float16)}


@pytest.mark.parametrize("legacy", [False, True])
def test_what_torch_writes_is_described(tmp_path, legacy):
    contents = read(saved(tmp_path / "x", {"model": STATE, "epoch": 3}, legacy=legacy))
    assert contents.format == ("torch legacy" if legacy else "torch zip")
    assert {name: (stored.shape, stored.dtype) for name, stored in contents.tensors.items()} == {
        "a": ((2, 3), "int64"),
        "b": ((3,), "float16"),
    }
    assert (contents.wrapper, contents.beside, contents.pickled_module) == ("model", ("epoch",), False)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickled_module_says_its_class(tmp_path, legacy):
    network = torch.nn.Linear(2, 3)
    network.names = {0: "object"}
    contents = read(saved(tmp_path / "x", {"model": network}, legacy=legacy))
    assert contents.pickled_module
    assert contents.metadata == {"class": "torch.nn.modules.linear.Linear", "names": '{"0": "object"}'}
    assert list(contents.tensors) == ["weight", "bias"]


def test_a_zip_of_something_else_is_none(tmp_path):
    assert read_zip_contents(write_zip(tmp_path / "x", {"readme.txt": b"hello"})) is None


def test_torchscript_is_none(tmp_path):
    path = write_zip(
        tmp_path / "x", {"x/data.pkl": b"\x80\x02N.", "x/constants.pkl": b"\x80\x02).", "x/code/a.py": b""}
    )
    assert read_zip_contents(path) is None


def test_another_pickle_is_none(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(pickle.dumps([1, 2, 3]))
    assert read_legacy_contents(path) is None


def test_a_truncated_zip_is_told(tmp_path):
    path = saved(tmp_path / "x", STATE)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(MalformedFileError, match="broken download"):
        read_zip_contents(path)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_a_truncated_legacy_file_is_told(tmp_path, kept):
    path = saved(tmp_path / "x", STATE, legacy=True)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(MalformedFileError):
        read_legacy_contents(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda records: records | {"y/data.pkl": b"\x80\x02N."}, "more than one pickle"),
        (lambda records: records | {"x/byteorder": b"big"}, "big-endian"),
        (
            lambda records: {name: data for name, data in records.items() if "data/0" not in name},
            "lacks data",
        ),
        (lambda records: records | {"x/data/0": b"short"}, "lacks data"),
    ],
)
def test_damaged_archives_are_refused(tmp_path, change, reason):
    path = saved(tmp_path / "x.pt", STATE)
    with pytest.raises(MalformedFileError, match=reason):
        read_zip_contents(rewritten(path, change))


def test_two_records_of_one_name_are_refused(tmp_path):
    path = tmp_path / "x"
    pickle_bytes = pickle.dumps({}, 2)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", pickle_bytes)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x/data.pkl", pickle_bytes)
    with pytest.raises(MalformedFileError, match="two records with the same name"):
        read_zip_contents(path)


def test_a_bomb_in_the_pickle_is_not_unpacked(tmp_path):
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(torch_file.MAX_PICKLE_BYTES + 1))
    assert path.stat().st_size < 100_000
    with pytest.raises(MalformedFileError, match="unpacks to more"):
        read_zip_contents(path)


def test_a_bomb_in_the_numbers_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "x"
    monkeypatch.setattr(torch_file, "MAX_PICKLE_BYTES", 1 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickle.dumps({}, 2))
        archive.writestr("x/data/0", bytes(2 << 20))
    with pytest.raises(MalformedFileError, match="unpacks to more"):
        read_zip_contents(path)


def test_a_stored_pickle_that_is_too_large_is_not_read(tmp_path):
    path = write_zip(tmp_path / "x", {"x/data.pkl": torch_file.MAX_PICKLE_BYTES + 1})
    with pytest.raises(MalformedFileError, match="unpacks to more"):
        read_zip_contents(path)


def test_an_endless_directory_is_not_read(tmp_path):
    path = write_zip(tmp_path / "x", {"x/data.pkl": b"\x80\x02N."})
    data = bytearray(path.read_bytes())
    with path.open("wb") as file:
        file.write(data[:-22])
        file.seek(torch_file.MAX_PICKLE_BYTES + 100, 1)
        end = data[-22:]
        end[12:16] = (torch_file.MAX_PICKLE_BYTES + 100 + len(data) - 22 - 44).to_bytes(4, "little")
        file.write(end)
    with pytest.raises(MalformedFileError, match="directory"):
        read_zip_contents(path)


def test_an_encrypted_or_exotic_archive_is_refused(tmp_path):
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02N.")
    with pytest.raises(MalformedFileError, match="encrypted, or compressed"):
        read_zip_contents(path)


def test_records_beyond_the_end_are_refused(tmp_path):
    stream = io.BytesIO()
    HollowPickler(stream, protocol=2).dump({"a": HollowTensor(HollowStorage("0", torch.FloatStorage, 4), (4,))})
    path = write_zip(tmp_path / "x", {"x/data.pkl": stream.getvalue(), "x/data/0": 16})
    data = path.read_bytes().replace((16).to_bytes(4, "little") * 2, (10**6).to_bytes(4, "little") * 2)
    path.write_bytes(data)
    with pytest.raises(MalformedFileError, match="beyond its end"):
        read_zip_contents(path)


def test_a_hostile_pickle_in_a_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "x", {"x/data.pkl": b"cos\nsystem\n(S'true'\ntR."})
    with pytest.raises(ForbiddenCallError, match="os.system"):
        read_zip_contents(path)


@pytest.mark.parametrize("position", range(5))
def test_a_hostile_pickle_in_a_legacy_file_is_refused(tmp_path, position):
    good = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {}, []]
    pickles = [pickle.dumps(value, 2) for value in good]
    pickles[position] = b"\x80\x02cos\nsystem\n(S'true'\ntR."
    path = tmp_path / "x"
    path.write_bytes(b"".join(pickles))
    with pytest.raises(ForbiddenCallError, match="os.system"):
        read_legacy_contents(path)


@pytest.mark.parametrize(
    ("system", "keys", "reason"),
    [
        ({"little_endian": False}, ["0"], "big-endian"),
        (None, ["0"], "big-endian"),
        ({"little_endian": True}, ["0", "0"], "does not match"),
        ({"little_endian": True}, ["1"], "does not match"),
        ({"little_endian": True}, [], "lacks data"),
        ({"little_endian": True}, None, "lacks data"),
        ({"little_endian": True}, ["0"], "24 bytes are missing"),
    ],
)
def test_damaged_legacy_files_are_refused(tmp_path, system, keys, reason):
    stream = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, system):
        stream.write(pickle.dumps(value, 2))
    HollowPickler(stream, protocol=2).dump({"a": HollowTensor(HollowStorage("0", torch.FloatStorage, 4), (4,))})
    stream.write(pickle.dumps(keys, 2))
    path = tmp_path / "x"
    path.write_bytes(stream.getvalue())
    with pytest.raises(MalformedFileError, match=reason):
        read_legacy_contents(path)
