"""Predictor with an embedding store, so that a run with other settings skips the image encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from samara.engines.loaded import Loaded
from samara.images.read import ImageSource, read_image
from samara.segmentation.embedding_store import EmbeddingStore, key_of
from samara.segmentation.embeddings import ImageEmbedding, ReadyImage
from samara.segmentation.predictor import Predictor


class StoredPredictor(Predictor):
    """Predictor that keeps its embeddings in a store.

    Args:
        loaded: the checkpoint.
        store: store of the embeddings.
    """

    def __init__(self, loaded: Loaded, store: EmbeddingStore) -> None:
        super().__init__(loaded)
        self.store = store

    def read(self, image: ImageSource) -> ReadyImage | ImageEmbedding:
        """See `Predictor.read`; an image whose embedding is in the store becomes that embedding."""
        pixels = read_image(image)
        key = self.key(pixels)
        ready = self.store.get(key) or super().read(pixels)
        return ready if isinstance(ready, ImageEmbedding) else _Keyed(ready.pixels, ready.frame, key)

    def key(self, pixels: npt.NDArray[np.uint8]) -> str:
        """Return the key of an image, (H, W, 3) RGB, in the store: 64 hexadecimal digits."""
        loaded = self.loaded
        return key_of(pixels, loaded.fingerprint, loaded.precision, loaded.engine, loaded.device.partition(":")[0])

    def encode(self, images: Sequence[ReadyImage | ImageEmbedding]) -> list[ImageEmbedding]:
        """See `Predictor.encode`; what was computed is stored."""
        # Looked up again: an equal image may have been encoded since this one was read.
        images = [self.store.get(one.key) or one if isinstance(one, _Keyed) else one for one in images]
        embeddings = super().encode(images)
        for image, embedding in zip(images, embeddings, strict=True):
            if isinstance(image, _Keyed):
                self.store.put(image.key, embedding)
        return embeddings


@dataclass(frozen=True, eq=False)
class _Keyed(ReadyImage):
    """An image whose embedding is not in the store yet, and the key for it."""

    key: str
