"""Checkpoints of more than one file: the folders that Hugging Face's libraries write, and the index of their shards."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samara.checkpoints.reading.layout import MalformedFileError
from samara.errors import UnsafeCheckpoint

# In the order in which transformers looks for them.
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
        names: which tensors the index promises of each file, by the file's name.
    """

    files: tuple[Path, ...]
    names: Mapping[str, frozenset[str]]


def main_file(path: Path) -> Path:
    """The file, or index, that a folder is read by; of anything else the path itself."""
    if not path.is_dir():
        return path
    return next((path / name for name in _NAMES if (path / name).is_file()), path)


def files_of(path: Path) -> tuple[Path, ...]:
    """Every file that a checkpoint consists of: mostly the path itself.

    Raises:
        MalformedFileError, UnsafeCheckpoint: see `read_index`.
    """
    file = main_file(path)
    return (file, *read_index(file).files) if file.is_file() and is_index(file) else (file,)


def is_index(path: Path) -> bool:
    """Whether a file is an index of shards, by its content."""
    with path.open("rb") as file:
        is_json = file.read(64).lstrip()[:1] == b"{"
    return is_json and b'"weight_map"' in _beginning(path)


def read_index(path: Path) -> Shards:
    """Read which shards a checkpoint has.

    Raises:
        MalformedFileError: it is no index, or one of more shards than any checkpoint has.
        UnsafeCheckpoint: it names files outside of its folder.
    """
    try:
        index = json.loads(_beginning(path))
    except (ValueError, RecursionError) as problem:
        raise MalformedFileError(f"it is no valid JSON ({problem})") from problem
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise MalformedFileError("its weight_map does not say which file has which tensor")
    names: dict[str, set[str]] = {}
    for tensor, name in places.items():
        names.setdefault(name, set()).add(tensor)
    for name in names:
        # By name alone: links are the user's own, Hugging Face's cache is made of them.
        if not name or name != Path(name).name or "\\" in name or "\0" in name or name in (".", ".."):
            raise UnsafeCheckpoint(f"{path} names a file outside of its folder, {name[:120]!r}; it was not opened")
    if not 0 < len(names) <= _MAX_SHARDS:
        raise MalformedFileError(f"it names {len(names):,} files")
    for name in names:
        if not (path.parent / name).is_file():
            raise MalformedFileError(f"its shard {name[:120]} is not there")
    return Shards(tuple(path.parent / name for name in names), {name: frozenset(them) for name, them in names.items()})


def index_of_shard(path: Path) -> Path | None:
    """The index beside a file that lists it as one of several; None for a file that stands for itself."""
    if _SHARD.search(path.name) is None:
        return None
    for index in sorted(path.parent.glob(f"*{_SUFFIX}")):
        try:
            shards = read_index(index)
        except (MalformedFileError, UnsafeCheckpoint, OSError):
            continue  # somebody else's file; the shard is judged by itself
        if len(shards.files) > 1 and path.name in shards.names:
            return index
    return None


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_INDEX_BYTES)
