"""Size-limited store of image embeddings on disk, keyed by image content and encoder.

Several processes may share a store: files appear complete or not at all, and the least recently used are evicted first.
Embeddings are stored in float32, as computed, so that masks are the same with and without the store, up to rounding.
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
# Fraction of the limit to keep after eviction, so that not every new file triggers another.
FILLED_AFTER_MAKING_ROOM = 0.9
# Fraction of the limit to write before recounting the files of other processes.
COUNTED_AGAIN_AFTER = 0.02


class EmbeddingStore:
    """Folder of embeddings.

    Args:
        folder: folder, created if necessary.
        max_bytes: limit of the total size; each additional writing process may exceed it by 2 %.

    Raises:
        SettingsError: The limit is not positive.
        OutputError: The folder cannot be created.
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int) -> None:
        if max_bytes <= 0:
            raise SettingsError(
                f"an embedding store of {max_bytes} bytes cannot keep anything; give a positive limit, or no store"
            )
        self.folder, self.max_bytes = make_folder(Path(folder)), max_bytes
        self._bytes = sum(size for _, size, _ in self._files())
        self._since_counted = 0

    def get(self, key: str) -> ImageEmbedding | None:
        """Return the embedding of a key; None if it is missing or damaged."""
        path = self._path(key)
        try:
            embedding = ImageEmbedding.load(path)
            os.utime(path)  # marks it as just used
        except (OSError, EmbeddingError):
            return None
        return embedding

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Store an embedding, evicting others if necessary.

        Raises:
            OutputError: The embedding cannot be written.
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
        """Recount, because other processes write and remove too, and evict the least recently used."""
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
        """Return the time of last use, size and path of every file."""
        found = []
        for path in self.folder.glob(f"??/*{SUFFIX}"):
            with suppress(OSError):  # another process may have just removed it
                facts = path.stat()
                found.append((facts.st_mtime_ns, facts.st_size, path))
        return found

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"


def key_of(pixels: npt.NDArray[np.uint8], *encoder: str) -> str:
    """Return the key of an embedding from its image (H, W, 3) and the identity of the encoder."""
    digest = hashlib.sha256("\n".join((str(pixels.shape), *encoder)).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
