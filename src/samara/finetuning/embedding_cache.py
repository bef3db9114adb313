"""Image embeddings on disk: float16, memory-mapped, each computed once.

A frozen image encoder gives the same embedding of a picture every time, so fine-tuning a decoder needs the encoder
once per picture: 2 MB each at 1024 px. A cache that was left half-way goes on where it stopped; one that was made by
another encoder, or for other pictures, is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.errors import EmbeddingError
from samara.files import write_atomically

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CacheFacts:
    """What a cache holds.

    Attributes:
        fingerprint: of the image encoder.
        examples: hash over the texts that stand for the examples, in order.
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
        folder: where the files lie; made if need be.
        fingerprint: of the image encoder.
        examples: one text per example, which says what its embedding depends on.
        shape: (C, h, w) of one embedding.

    Raises:
        EmbeddingError: the folder holds the cache of other examples or of another encoder.
    """

    def __init__(self, folder: Path, fingerprint: str, examples: Sequence[str], shape: tuple[int, int, int]) -> None:
        digest = hashlib.sha256("\n".join(examples).encode()).hexdigest()[:16]
        self.facts = CacheFacts(fingerprint, digest, len(examples), shape)
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._check()
        self._values = self._open("embeddings.f16", np.dtype(np.float16), (len(examples), *shape))
        self._done = self._open("done.u8", np.dtype(np.uint8), (len(examples),))

    def _check(self) -> None:
        path = self.folder / "cache.json"
        if not path.exists():
            write_atomically(path, json.dumps(asdict(self.facts)).encode())
            return
        facts = json.loads(path.read_text())
        if facts | {"shape": tuple(facts["shape"])} != asdict(self.facts):
            raise EmbeddingError(
                f"{self.folder} holds embeddings of other pictures or of another encoder; remove it, or name another "
                "folder"
            )

    def _open(self, name: str, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
        path = self.folder / name
        size = int(np.prod(shape)) * dtype.itemsize
        if not path.exists() or path.stat().st_size != size:
            with path.open("wb") as file:
                file.truncate(size)  # sparse: takes disk only as it is filled
        return np.memmap(path, dtype=dtype, mode="r+", shape=shape) if size else np.zeros(shape, dtype)

    def __len__(self) -> int:
        """Number of examples."""
        return self.facts.count

    @property
    def missing(self) -> list[int]:
        """Indices of examples whose embedding is still to be computed."""
        return [int(index) for index in np.flatnonzero(self._done == 0)]

    def fill(
        self,
        encode: Callable[[int], Tensor],
        progress: Progress | None = None,
        *,
        share: Callable[[list[int]], list[int]] = list,
    ) -> None:
        """Compute what is missing.

        Args:
            encode: index of an example → its embedding (C, h, w).
            progress: called with the embeddings there and the embeddings in all.
            share: picks those that fall to this process, where several fill one cache.
        """
        for index in share(self.missing):
            self._values[index] = encode(index).to("cpu", torch.float16).numpy()
            self._flush(self._values)
            # Only now: a power cut between the two leaves an embedding that is computed again, never half a one.
            self._done[index] = 1
            self._flush(self._done)
            if progress is not None:
                progress(len(self) - len(self.missing), len(self))

    def __getitem__(self, index: int) -> Tensor:
        """One embedding, (C, h, w) float32 on the CPU.

        Raises:
            EmbeddingError: it has not been computed.
        """
        if not self._done[index]:
            raise EmbeddingError(f"embedding {index} of {self.folder} has not been computed; call fill first")
        return torch.from_numpy(np.array(self._values[index])).float()

    @staticmethod
    def _flush(array: npt.NDArray[np.generic]) -> None:
        if isinstance(array, np.memmap):
            array.flush()
