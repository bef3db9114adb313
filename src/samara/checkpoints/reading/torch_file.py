"""The containers of torch.save: a zip since torch 1.6, a sequence of pickles before.

Only the pickles are read here; the data is only located.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from samara.checkpoints.reading.contents import Contents, Span, text_metadata
from samara.checkpoints.reading.layout import ITEM_SIZES, ForbiddenCallError, MalformedFileError
from samara.checkpoints.reading.pickle_values import InertObject, Storage, Value
from samara.checkpoints.reading.rename import Unwrapped, unwrap
from samara.checkpoints.reading.restricted_pickle import MAX_PICKLE_BYTES, BoundedReader, load_pickle

# torch/serialization.py, MAGIC_NUMBER: the first pickle of every file before torch 1.6.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LOCAL_HEADER_BYTES = 30
_KNOWN_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_METADATA_RECORD = "samara.json"

# Errors of `zipfile` on bytes that are not a zip, or one that it cannot read.
_ZIP_PROBLEMS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OverflowError,
)


def read_zip_contents(path: Path) -> Contents | None:
    """Read the pickle of a zip written by torch.save; None for any other zip.

    Raises:
        MalformedFileError, ForbiddenCallError: see `restricted_pickle.load_pickle`.
    """
    try:
        with _BoundedFile(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            return _read_archive(path, archive)
    except (MalformedFileError, ForbiddenCallError):
        raise
    except _ZIP_PROBLEMS as problem:
        raise MalformedFileError(
            "its end, which contains the zip directory, is missing or damaged, perhaps by a broken download "
            f"({problem})"
        ) from problem


def read_legacy_contents(path: Path) -> Contents | None:
    """Read the pickles of a file written by torch.save before torch 1.6; None for any other pickle.

    Raises:
        MalformedFileError, ForbiddenCallError: see `restricted_pickle.load_pickle`.
    """
    with path.open("rb") as file:
        reader = BoundedReader(file)
        if load_pickle(reader).value != _LEGACY_MAGIC:
            return None
        _protocol, system = load_pickle(reader).value, load_pickle(reader).value
        if not (isinstance(system, dict) and system.get("little_endian") is True):
            raise MalformedFileError("it was written on a big-endian machine")
        root = load_pickle(reader)
        keys = load_pickle(reader).value
        spans = _legacy_spans(keys, root.storages, file.tell())
        end = file.seek(0, io.SEEK_END)
    missing = max((span.start + span.size for span in spans.values()), default=0) - end
    if missing > 0:
        raise MalformedFileError(f"it is truncated: {missing:,} bytes are missing")
    unwrapped = unwrap(root.value)
    return Contents(
        format="torch legacy",
        tensors=unwrapped.tensors,
        locate=spans.__getitem__,
        metadata=_module_metadata(unwrapped, root.value),
        wrapper=unwrapped.wrapper,
        beside=unwrapped.beside,
        others=unwrapped.others,
        pickled_module=unwrapped.module is not None,
    )


class _BoundedFile(io.BufferedReader):
    """A file that limits single reads to the size of any checkpoint's directory or pickle."""

    def read(self, size: int | None = -1, /) -> bytes:
        limit = MAX_PICKLE_BYTES
        if size is not None and size > limit:
            raise MalformedFileError("it has a zip directory larger than any checkpoint's")
        return super().read(limit if size is None or size < 0 else size)


def _read_archive(path: Path, archive: zipfile.ZipFile) -> Contents | None:
    root = _root(archive)
    if root is None:
        return None
    records = {info.filename.removeprefix(root): info for info in archive.infolist()}
    if len(records) != len(archive.infolist()):
        raise MalformedFileError("it has two records with the same name")
    end = path.stat().st_size
    for info in records.values():
        _check_record(info, end)
    _check_inflation(records.values(), end)
    if "byteorder" in records and _record(archive, records["byteorder"], 16) != b"little":
        raise MalformedFileError("it was written on a big-endian machine")
    pickle = _record(archive, records["data.pkl"], MAX_PICKLE_BYTES)
    unpickled = load_pickle(BoundedReader(io.BytesIO(pickle)))
    for storage in unpickled.storages.values():
        _check_storage(storage, records)
    unwrapped = unwrap(unpickled.value)
    return Contents(
        format="torch zip",
        tensors=unwrapped.tensors,
        locate=partial(_locate, path, {key: records[f"data/{key}"] for key in unpickled.storages}),
        metadata=_module_metadata(unwrapped, unpickled.value) | _own_metadata(archive, records),
        wrapper=unwrapped.wrapper,
        beside=unwrapped.beside,
        others=unwrapped.others,
        pickled_module=unwrapped.module is not None,
    )


def add_metadata(path: Path, metadata: Mapping[str, str]) -> None:
    """Add text to a zip written by torch.save, as a record that PyTorch ignores."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{_root(archive) or ''}{_METADATA_RECORD}", json.dumps(dict(metadata)))


def _own_metadata(archive: zipfile.ZipFile, records: Mapping[str, zipfile.ZipInfo]) -> dict[str, str]:
    """Read the metadata of `add_metadata`; empty for other files."""
    info = records.get(_METADATA_RECORD)
    if info is None:
        return {}
    try:
        return text_metadata(json.loads(_record(archive, info, MAX_PICKLE_BYTES)))
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise MalformedFileError(f"its {_METADATA_RECORD} is not JSON ({problem})") from problem


def _root(archive: zipfile.ZipFile) -> str | None:
    """Return the top-level folder of a torch.save zip, named after the file; None for other zips."""
    names = archive.namelist()
    roots = {name.removesuffix("data.pkl") for name in names if name.count("/") == 1 and name.endswith("/data.pkl")}
    if len(roots) > 1:
        raise MalformedFileError("it has more than one pickle")
    root = next(iter(roots), None)
    # A TorchScript archive also has a data.pkl, next to its program.
    return None if root is None or f"{root}constants.pkl" in names else root


def _check_record(info: zipfile.ZipInfo, end: int) -> None:
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _KNOWN_COMPRESSIONS:
        raise MalformedFileError("it is encrypted, or compressed in a way that PyTorch does not use")
    if info.header_offset < 0 or info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size > end:
        raise MalformedFileError("it is truncated: its directory names records beyond its end")


def _check_inflation(infos: Iterable[zipfile.ZipInfo], end: int) -> None:
    """Refuse zip bombs: weights hardly compress, so a record that expands a hundredfold is malicious."""
    inflated = sum(info.file_size for info in infos if info.compress_type != zipfile.ZIP_STORED)
    if inflated > max(4 * end, MAX_PICKLE_BYTES):
        raise MalformedFileError("it unpacks to more than any checkpoint")


def _record(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """Read one record, at most `limit` bytes: the sizes that a zip states are untrusted."""
    if max(info.file_size, info.compress_size) > limit:
        raise MalformedFileError("it unpacks to more than any checkpoint")
    with archive.open(info) as stream:
        return stream.read(limit)


def _check_storage(storage: Storage, records: Mapping[str, zipfile.ZipInfo]) -> None:
    info = records.get(f"data/{storage.key}")
    if info is None or info.file_size < _size(storage):
        raise MalformedFileError("it lacks data that its pickle describes")


def _size(storage: Storage) -> int:
    return storage.elements * (ITEM_SIZES[storage.dtype] if storage.dtype else 1)


def _locate(path: Path, infos: Mapping[str, zipfile.ZipInfo], key: str) -> Span | bytes:
    info = infos[key]
    with path.open("rb") as file:
        if info.compress_type != zipfile.ZIP_STORED:
            with zipfile.ZipFile(file) as archive:
                return _record(archive, info, info.file_size)
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER_BYTES)
        end = file.seek(0, io.SEEK_END)
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    start = info.header_offset + _LOCAL_HEADER_BYTES + name_length + extra_length
    if start + info.file_size > end:
        raise MalformedFileError("it is truncated: its directory names records beyond its end")
    return Span(start, info.file_size)


def _legacy_spans(keys: Value, storages: Mapping[str, Storage], start: int) -> dict[str, Span]:
    """Locate the storages, which follow the pickles in the order of `keys`: each a 64-bit count, then its data."""
    spans: dict[str, Span] = {}
    for key in keys if isinstance(keys, list) else ():
        if not isinstance(key, str) or key not in storages or key in spans:
            raise MalformedFileError("its list of storages does not match its pickle")
        start += 8
        spans[key] = Span(start, _size(storages[key]))
        start += spans[key].size
    if len(spans) != len(storages):
        raise MalformedFileError("it lacks data that its pickle describes")
    return spans


def _module_metadata(unwrapped: Unwrapped, tree: Value) -> dict[str, str]:
    """Return the class of a pickled module, its class labels and the licence next to it, if stated."""
    module = unwrapped.module
    if not isinstance(module, InertObject):
        return {}
    labels = module.state.get("names")
    known = isinstance(labels, dict) and all(
        isinstance(index, int) and isinstance(label, str) for index, label in labels.items()
    )
    licence = tree.get("license") if isinstance(tree, dict) else None
    return {
        "class": str(module.cls),
        **({"names": json.dumps(labels)} if known else {}),
        **({"license": licence} if isinstance(licence, str) else {}),
    }
