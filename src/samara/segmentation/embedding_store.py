"""Image embeddings on disk, found by what the image looks like and which encoder saw it; of limited size.

Several processes may share a store: files appear complete or not at all, and the least recently used go first. An
embedding is kept as it was computed, in float32, so that what is made from it is the same with the store and without,
up to rounding.
(Fine-tuning has another cache, `samara.finetuning.embedding_cache`: a fixed list of examples, mapped in float16.)
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from samara.errors import EmbeddingError, SettingsError
from samara.segmentation.embeddings import ImageEmbedding
from samara.system.files import make_folder

SUFFIX = ".safetensors"
# After making room so much of the limit is left filled, so that not every new file makes room again.
FILLED_AFTER_MAKING_ROOM = 0.9
# What others may have written is counted again after so much of the limit.
COUNTED_AGAIN_AFTER = 0.02


class EmbeddingStore:
    """A folder of embeddings.

    Args:
        folder: made if need be.
        max_bytes: of all files together; each further process that writes may exceed it by 2 %.

    Raises:
        SettingsError: the limit is not positive.
        OutputError: the folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int) -> None:
        if max_bytes <= 0:
            raise SettingsError(f"an embedding store of {max_bytes} bytes keeps nothing; give it room, or none at all")
        self.folder, self.max_bytes = make_folder(Path(folder)), max_bytes
        self._bytes = sum(size for _, size, _ in self._files())
        self._since_counted = 0

    def get(self, key: str) -> ImageEmbedding | None:
        """The embedding of a key; None if it is not there, or damaged."""
        path = self._path(key)
        try:
            embedding = ImageEmbedding.load(path)
            os.utime(path)  # used just now
        except (OSError, EmbeddingError):
            return None
        return embedding

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Keep an embedding, and make room if need be.

        Raises:
            OutputError: the disk does not take it.
        """
        path = self._path(key)
        make_folder(path.parent)
        embedding.save(path)
        size = path.stat().st_size
        self._bytes += size
        self._since_counted += size
        if self._bytes > self.max_bytes or self._since_counted > COUNTED_AGAIN_AFTER * self.max_bytes:
            self._make_room()

    def _make_room(self) -> None:
        """Count anew, because other processes write and remove, too, and remove what was not used for longest."""
        files = sorted(self._files())
        self._bytes, self._since_counted = sum(size for _, size, _ in files), 0
        if self._bytes <= self.max_bytes:
            return
        for _, size, path in files:
            if self._bytes <= FILLED_AFTER_MAKING_ROOM * self.max_bytes:
                return
            with suppress(OSError):
                path.unlink(missing_ok=True)
            self._bytes -= size

    def _files(self) -> list[tuple[int, int, Path]]:
        """Time of last use, size and path of every file."""
        found = []
        for path in self.folder.glob(f"??/*{SUFFIX}"):
            with suppress(OSError):  # another process has just removed it
                facts = path.stat()
                found.append((facts.st_mtime_ns, facts.st_size, path))
        return found

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"


def key_of(pixels: npt.NDArray[np.uint8], *encoder: str) -> str:
    """Name an embedding by its image (H, W, 3) and all that says which encoder computed it how."""
    digest = hashlib.sha256("\n".join((str(pixels.shape), *encoder)).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
