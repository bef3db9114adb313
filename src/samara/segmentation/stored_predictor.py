"""Predictor with an embedding store, so that a run with other settings skips the image encoder."""

from __future__ import annotations

from typing import overload

from samara.engines.loaded import Loaded
from samara.images.read import ImageSource, read_image
from samara.segmentation.embedding_store import EmbeddingStore, key_of
from samara.segmentation.embeddings import ImageEmbedding
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

    @overload
    def embed(self, image: ImageSource, *, batch_size: int = 1) -> ImageEmbedding: ...

    @overload
    def embed(
        self, image: list[ImageSource] | tuple[ImageSource, ...], *, batch_size: int = 1
    ) -> list[ImageEmbedding]: ...

    def embed(
        self, image: ImageSource | list[ImageSource] | tuple[ImageSource, ...], *, batch_size: int = 1
    ) -> ImageEmbedding | list[ImageEmbedding]:
        """Return embeddings from the store, or compute and store them, one image at a time."""
        if isinstance(image, (list, tuple)):
            return [self._embed_one(source) for source in image]
        return self._embed_one(image)

    def _embed_one(self, source: ImageSource) -> ImageEmbedding:
        pixels = read_image(source)
        loaded = self.loaded
        key = key_of(pixels, loaded.fingerprint, loaded.precision, loaded.engine, loaded.device.partition(":")[0])
        embedding = self.store.get(key)
        if embedding is None:
            embedding = super().embed(pixels)
            self.store.put(key, embedding)
        return embedding
