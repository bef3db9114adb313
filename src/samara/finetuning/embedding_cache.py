"""On-disk cache of image embeddings: float16, each computed once, read one at a time.

A frozen image encoder always returns the same embedding of an image, so fine-tuning a decoder runs the encoder once per
image: 2 MB each at 1024 px. Nothing is memory-mapped: truncating a file under a running process raises an error instead
of crashing it. A partial cache is resumed; one of another encoder, or for other images, is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.errors import EmbeddingError, OutputError
from samara.system.files import make_folder, write_atomically
from samara.system.progress import Progress


@dataclass(frozen=True)
class CacheFacts:
    """The key of a cache.

    Attributes:
        fingerprint: fingerprint of the image encoder.
        examples: hash over the texts that identify the examples, in order.
        count: number of examples.
        shape: (C, h, w) of one embedding.
    """

    fingerprint: str
    examples: str
    count: int
    shape: tuple[int, int, int]


class EmbeddingCache:
    """Embeddings of a fixed list of examples.

    Args:
        folder: folder of the files; created if missing.
        fingerprint: fingerprint of the image encoder.
        examples: one text per example, covering everything its embedding depends on.
        shape: (C, h, w) of one embedding.

    Raises:
        EmbeddingError: the folder contains the cache of other examples or of another encoder.
    """

    def __init__(self, folder: Path, fingerprint: str, examples: Sequence[str], shape: tuple[int, int, int]) -> None:
        digest = hashlib.sha256("\n".join(examples).encode()).hexdigest()[:16]
        self.facts = CacheFacts(fingerprint, digest, len(examples), shape)
        self.folder = folder
        make_folder(folder)
        self._check()
        self._values = self._file("embeddings.f16", np.dtype(np.float16), shape)
        self._done = self._file("done.u8", np.dtype(np.uint8), ())

    def _check(self) -> None:
        path = self.folder / "cache.json"
        if not path.exists():
            write_atomically(path, json.dumps(asdict(self.facts)).encode())
            return
        facts = json.loads(path.read_text())
        if facts | {"shape": tuple(facts["shape"])} != asdict(self.facts):
            raise EmbeddingError(
                f"{self.folder} contains embeddings of other images, of another split or of another encoder; remove "
                "it, or use another folder"
            )

    def _file(self, name: str, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> _Rows:
        rows = _Rows(self.folder / name, dtype, shape)
        rows.make_room(len(self))
        return rows

    def __len__(self) -> int:
        """Number of examples."""
        return self.facts.count

    @property
    def missing(self) -> list[int]:
        """Indices of examples without an embedding."""
        return [int(index) for index in np.flatnonzero(self._done.read(0, len(self)) == 0)]

    def fill(
        self,
        encode: Callable[[int], Tensor],
        progress: Progress | None = None,
        *,
        share: Callable[[list[int]], list[int]] = list,
    ) -> None:
        """Compute the missing embeddings.

        Args:
            encode: function from the index of an example to its embedding (C, h, w).
            progress: called with the number of embeddings done and the total.
            share: function that selects this process's part, if several fill one cache.
        """
        for index in share(self.missing):
            self._values.write(index, encode(index).to("cpu", torch.float16).numpy())
            # Only now: after a power cut between the two, the embedding is recomputed, never half written.
            self._done.write(index, np.ones((), np.uint8))
            if progress is not None:
                progress("encoding", len(self) - len(self.missing), len(self))

    def __getitem__(self, index: int) -> Tensor:
        """Return one embedding, (C, h, w) float32 on the CPU.

        Raises:
            EmbeddingError: it has not been computed.
        """
        if not self._done.read(index, 1).any():
            raise EmbeddingError(f"embedding {index} of {self.folder} has not been computed; call fill first")
        return torch.from_numpy(self._values.read(index, 1)[0]).float()


@dataclass(frozen=True)
class _Rows:
    """Arrays of one shape, concatenated in a file."""

    path: Path
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def make_room(self, count: int) -> None:
        """Extend the file to its length, keeping what another process has already written."""
        with self.path.open("ab") as file:
            file.truncate(count * self.row_bytes)  # sparse: uses disk space only as it is filled

    def read(self, first: int, count: int) -> npt.NDArray[np.generic]:
        """Read rows, (count, *shape).

        Raises:
            EmbeddingError: the file is missing or was truncated.
        """
        rows = np.empty((count, *self.shape), self.dtype)
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(first * self.row_bytes)
                filled = file.readinto(rows.data.cast("B")) if rows.size else 0
        except OSError as error:
            raise EmbeddingError(f"{self.path} cannot be read: {error.strerror or error}") from error
        if filled != rows.nbytes:
            raise EmbeddingError(f"{self.path} was truncated while in use; remove its folder to start over")
        return rows

    def write(self, index: int, row: npt.NDArray[np.generic]) -> None:
        """Write one row and flush it to disk.

        Raises:
            OutputError: the disk is full, or the file is missing.
        """
        try:
            with self.path.open("r+b") as file:
                file.seek(index * self.row_bytes)
                file.write(row.tobytes())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {error.strerror or error}") from error
