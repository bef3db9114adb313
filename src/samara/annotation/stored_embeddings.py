"""A predictor that asks a store before it runs the image encoder, so that a run with other settings need not encode."""

from __future__ import annotations

from collections.abc import Sequence

from samara.embedding_store import EmbeddingStore, key_of
from samara.embeddings import ImageEmbedding
from samara.images import ImageSource, read_image
from samara.loaded import Loaded
from samara.predictor import Predictor


class StoredPredictor(Predictor):
    """A predictor whose embeddings are kept.

    Args:
        loaded: the checkpoint.
        store: where they are kept.
    """

    def __init__(self, loaded: Loaded, store: EmbeddingStore) -> None:
        super().__init__(loaded)
        self.store = store

    def _embed_batch(self, images: Sequence[ImageSource]) -> list[ImageEmbedding]:
        return [self._embed_one(source) for source in images]

    def _embed_one(self, source: ImageSource) -> ImageEmbedding:
        pixels = read_image(source)
        loaded = self.loaded
        key = key_of(pixels, loaded.fingerprint, loaded.precision, loaded.engine, loaded.device.partition(":")[0])
        embedding = self.store.get(key)
        if embedding is None:
            (embedding,) = super()._embed_batch([pixels])
            self.store.put(key, embedding)
        return embedding
