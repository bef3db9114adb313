"""Checkpoints of several files: folders written by Hugging Face's libraries, and the index of their shards."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samara.checkpoints.reading.layout import MalformedFileError
from samara.errors import UnsafeCheckpoint

# In the order in which transformers tries them.
_NAMES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_SUFFIX = ".index.json"
_SHARD = re.compile(r"\d-of-\d")
_MAX_INDEX_BYTES = 16 * 2**20
_MAX_SHARDS = 1_000


@dataclass(frozen=True)
class Shards:
    """The files of an index.

    Attributes:
        files: every file once.
        names: tensors that the index lists for each file, by file name.
    """

    files: tuple[Path, ...]
    names: Mapping[str, frozenset[str]]


def main_file(path: Path) -> Path:
    """Return the main file or index of a folder; for anything else, the path itself."""
    if not path.is_dir():
        return path
    return next((path / name for name in _NAMES if (path / name).is_file()), path)


def files_of(path: Path) -> tuple[Path, ...]:
    """Return all files of a checkpoint, usually just the path itself.

    Raises:
        MalformedFileError, UnsafeCheckpoint: see `read_index`.
    """
    file = main_file(path)
    return (file, *read_index(file).files) if file.is_file() and is_index(file) else (file,)


def is_index(path: Path) -> bool:
    """Return whether a file is an index of shards, by its content."""
    with path.open("rb") as file:
        is_json = file.read(64).lstrip()[:1] == b"{"
    return is_json and b'"weight_map"' in _beginning(path)


def read_index(path: Path) -> Shards:
    """Read the shards of a checkpoint.

    Raises:
        MalformedFileError: it is not an index, or has more shards than any checkpoint.
        UnsafeCheckpoint: it names files outside its folder.
    """
    try:
        index = json.loads(_beginning(path))
    except (ValueError, RecursionError) as problem:
        raise MalformedFileError(f"it is not valid JSON ({problem})") from problem
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise MalformedFileError("its weight_map does not map tensors to files")
    names: dict[str, set[str]] = {}
    for tensor, name in places.items():
        names.setdefault(name, set()).add(tensor)
    for name in names:
        # Checked by name only: symlinks are allowed, since Hugging Face's cache consists of them.
        if not name or name != Path(name).name or "\\" in name or "\0" in name or name in (".", ".."):
            raise UnsafeCheckpoint(f"{path} names a file outside its folder, {name[:120]!r}; it was not opened")
    if not 0 < len(names) <= _MAX_SHARDS:
        raise MalformedFileError(f"it names {len(names):,} files")
    for name in names:
        if not (path.parent / name).is_file():
            raise MalformedFileError(f"its shard {name[:120]} is missing")
    return Shards(tuple(path.parent / name for name in names), {name: frozenset(them) for name, them in names.items()})


def index_of_shard(path: Path) -> Path | None:
    """Return the index next to a file that lists it as one of several shards; None for a standalone file."""
    if _SHARD.search(path.name) is None:
        return None
    for index in sorted(path.parent.glob(f"*{_SUFFIX}")):
        try:
            shards = read_index(index)
        except (MalformedFileError, UnsafeCheckpoint, OSError):
            continue  # not an index; the shard is read on its own
        if len(shards.files) > 1 and path.name in shards.names:
            return index
    return None


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_INDEX_BYTES)
