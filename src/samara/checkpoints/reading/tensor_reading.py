"""Reading the tensors' data of a checkpoint file into separate memory.

The file is never memory-mapped: its owner may overwrite, truncate or remove it while the network is still in use.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from samara.checkpoints.reading.contents import Contents, Span
from samara.checkpoints.reading.layout import ITEM_SIZES, MalformedFileError
from samara.checkpoints.reading.pickle_values import StoredTensor

if TYPE_CHECKING:
    from torch import Tensor


def read_tensors(path: Path, contents: Contents, stored: Mapping[str, StoredTensor]) -> Iterator[tuple[str, Tensor]]:
    """Read tensors one by one, so that processing one needs no memory for the others.

    Args:
        path: the file.
        contents: its contents.
        stored: the tensors to read, by name.

    Yields:
        Name and tensor, on the CPU, in the file's own type. Tensors that share storage in the file share it here.

    Raises:
        MalformedFileError: the file is truncated, or changed between the first and the last tensor.
    """
    shared = {key for key, uses in Counter(tensor.storage.key for tensor in stored.values()).items() if uses > 1}
    storages: dict[str, Tensor] = {}
    with path.open("rb", buffering=0) as file:
        before = _state(file)
        for name, tensor in stored.items():
            yield name, _tensor(tensor, contents, file, storages if tensor.storage.key in shared else None)
        if _state(file) != before:
            raise MalformedFileError("it changed while being read")


def _state(file: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _tensor(stored: StoredTensor, contents: Contents, file: IO[bytes], storages: dict[str, Tensor] | None) -> Tensor:
    """Read one tensor; `storages` caches storages shared by several tensors, None if the storage is its own."""
    import torch  # here, because identifying a file needs no torch

    dtype = getattr(torch, stored.dtype)
    if 0 in stored.shape:
        return torch.empty(stored.shape, dtype=dtype)
    item, storage = ITEM_SIZES[stored.dtype], stored.storage
    first = storage.first * (ITEM_SIZES[storage.dtype] if storage.dtype else 1) + stored.offset * item
    reach = (1 + sum((size - 1) * step for size, step in zip(stored.shape, stored.stride, strict=True))) * item
    place = contents.locate(storage.key)
    if storages is None:
        numbers = _bytes(place, file, first, reach)
    else:
        if storage.key not in storages:
            storages[storage.key] = _bytes(place, file, 0, len(place) if isinstance(place, bytes) else place.size)
        numbers = storages[storage.key][first : first + reach]
        if first % item:  # a view of another type may start anywhere
            numbers = numbers.clone()
    return numbers.view(dtype).as_strided(stored.shape, stored.stride)


def _bytes(place: Span | bytes, file: IO[bytes], first: int, size: int) -> Tensor:
    """Read `size` bytes of a storage from byte `first`."""
    import torch

    if isinstance(place, bytes):
        return torch.frombuffer(bytearray(place[first : first + size]), dtype=torch.uint8)
    numbers = torch.empty(size, dtype=torch.uint8)
    rest = numbers.numpy().data
    file.seek(place.start + first)
    while rest:
        count = file.readinto(rest)  # type: ignore[attr-defined]  # raw files have it, IO[bytes] does not declare it
        if not count:
            raise MalformedFileError("it was truncated while being read")
        rest = rest[count:]
    return numbers
