"""The checkpoints of a server: images are embedded once, and answer the prompts of many requests."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.engines.loaded import Loaded
from samara.masks.mask_set import MaskSet
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.capabilities import check_capabilities
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.file_settings import MasksPerPrompt
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompted import SeenImage
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import Segmenter
from samara.segmentation.stored_predictor import StoredPredictor
from samara.serving.clicks import Clicks
from samara.serving.refusals import Gone, not_found
from samara.serving.remembered import Remembered
from samara.serving.turns import Turns, Urgency

Pixels = npt.NDArray[np.uint8]

# In memory: an embedding of SAM takes 4 MB, one of SAM 2 16 MB; the logits of an answer 256 kB.
EMBEDDED, ANSWERS = 32, 256

FLOOR = 0.5
"""Fraction of the checkpoint's own thresholds above which proposals are returned, for a client that filters itself."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """An embedded image.

    Attributes:
        key: name of the embedding: equal for equal pixels and checkpoints, 64 hexadecimal digits.
        size_hw: (H, W) of the image in pixels.
        seen: the image as the segmenter sees it.
    """

    key: str
    size_hw: tuple[int, int]
    seen: Any  # Any: each kind of segmenter has its own


@dataclass(frozen=True, eq=False)
class Answer:
    """Masks for a prompt, the best first, and the names by which they can be refined."""

    masks: MaskSet
    keys: tuple[str, ...]


class ServedNetwork:
    """One checkpoint of a server. Its asynchronous methods are called in the event loop alone.

    Args:
        loaded: the checkpoint.
        store: where embeddings are kept.
        heavy: threads for image encoder and automatic masks, shared by all checkpoints.
        max_waiting: refuse more waiting clicks.
    """

    def __init__(self, loaded: Loaded, store: EmbeddingStore, heavy: Turns, max_waiting: int) -> None:
        self.loaded, self._store, self._heavy = loaded, store, heavy
        self.predictor: StoredPredictor | None = None
        self.segmenter: Segmenter[Any] = open_segmenter(loaded, predictor=self._make_predictor)
        self.click_turns = Turns(f"samara-clicks-{loaded.name}", max_waiting=max_waiting)
        self._clicks = Clicks(self.segmenter, self.click_turns)
        self._embedded: Remembered[object, Embedded] = Remembered(EMBEDDED)
        self._logits: Remembered[tuple[str, str], npt.NDArray[np.float32]] = Remembered(ANSWERS)

    def remembered(self, name: object) -> Embedded | None:
        """Return an image that was embedded under a name before, or one of the store by its key; None if it is gone."""
        known = self._embedded.get(name)
        if known is None and self.predictor is not None and isinstance(name, str):
            stored = self._store.get(name)
            if stored is not None:
                self.predictor.check_fits(stored)
                seen = SeenImage.without_pixels(stored, self.predictor)
                known = self._embedded.put(name, Embedded(name, stored.original_size_hw, seen))
        return known

    async def embed(self, name: object, read: Callable[[], Pixels], urgency: Urgency = Urgency.NOW) -> Embedded:
        """Embed an image, unless that was done before.

        Args:
            name: what tells it from all other images, besides its key; None for nothing.
            read: reads its pixels, (H, W, 3) RGB; called in a thread.
            urgency: how soon.

        Raises:
            Refused: too many requests are waiting.
            ImageError: the image cannot be read.
        """
        known = self._embedded.get(name)
        if known is not None:
            return known
        return await self._heavy.run(lambda: self._embedded.get(name) or self._embed(name, read()), urgency)

    async def answer(self, embedded: Embedded, prompt: Prompt, answers: MasksPerPrompt) -> Answer:
        """Answer a prompt.

        Args:
            embedded: the image.
            prompt: the prompt.
            answers: "three" answers for a single click and one otherwise, the "best" of them, or always "one".

        Raises:
            PromptError: the prompt is outside the image, or the checkpoint does not take it.
            Refused: too many requests are waiting.
        """
        check_capabilities(prompt, self.loaded.variant)
        prompt.check_inside(embedded.size_hw)
        multimask = answers != "one" and prompt.is_ambiguous
        masks = await self._clicks.answer(embedded.seen, prompt, multimask=multimask)
        masks = masks.best() if answers == "best" else masks[np.argsort(-masks.predicted_iou, kind="stable")]
        return Answer(masks, tuple(self._kept(embedded.key, masks, index) for index in range(len(masks))))

    def logits(self, embedded: Embedded, answer: str) -> npt.NDArray[np.float32]:
        """Return the low-res logits of an earlier answer on the same image, by its key.

        Raises:
            Refused: it is no longer in memory.
        """
        known = self._logits.get((embedded.key, answer))
        if known is None:
            raise not_found("the earlier answer is no longer known here; ask again without it")
        return known

    async def everything(
        self, embedded: Embedded, points_per_side: int | None, is_given_up: threading.Event, floor: float = FLOOR
    ) -> MaskSet:
        """Segment everything in an image.

        Args:
            embedded: the image.
            points_per_side: points per side of the grid; None for the checkpoint's own.
            is_given_up: once set, the search ends.
            floor: fraction of the checkpoint's own thresholds.

        Raises:
            PromptError: the checkpoint does not do this.
            Refused: too many requests are waiting.
        """
        search = partial(self._everything, embedded, points_per_side, is_given_up, floor)
        return await self._heavy.run(search, Urgency.LATER)

    def close(self) -> None:
        """End the threads."""
        self.click_turns.close()

    def _make_predictor(self, loaded: Loaded) -> StoredPredictor:
        self.predictor = StoredPredictor(loaded, self._store)
        return self.predictor

    def _the_predictor(self, loaded: Loaded) -> StoredPredictor:
        return self.predictor or self._make_predictor(loaded)

    def _embed(self, name: object, pixels: Pixels) -> Embedded:
        size_hw = pixels.shape[0], pixels.shape[1]
        if self.predictor is None:
            digest = hashlib.sha256(f"{self.loaded.provenance.name} {size_hw}".encode())
            digest.update(np.ascontiguousarray(pixels).data)
            embedded = Embedded(digest.hexdigest(), size_hw, self.segmenter.embed(pixels))
        else:
            seen = SeenImage.without_pixels(self.predictor.embed(pixels), self.predictor)
            embedded = Embedded(self.predictor.key(pixels), size_hw, seen)
        if name is not None:
            self._embedded.put(name, embedded)
        return self._embedded.put(embedded.key, embedded)

    def _kept(self, image: str, masks: MaskSet, index: int) -> str:
        key = secrets.token_urlsafe(12)
        if masks.low_res_logits is not None:
            self._logits.put((image, key), masks.low_res_logits[index].copy())
        return key

    def _everything(
        self, embedded: Embedded, points_per_side: int | None, is_given_up: threading.Event, floor: float
    ) -> MaskSet:
        def progress(task: str, done: int, total: int) -> None:
            del task, done, total
            if is_given_up.is_set():
                raise Gone("the client went away")

        progress("", 0, 0)
        settings = AutomaticSettings(
            points_per_side=points_per_side,
            pred_iou_thresh=floor * self.loaded.pred_iou_thresh,
            stability_score_thresh=floor * self.loaded.stability_score_thresh if self.predictor else None,
        )
        segmenter = open_segmenter(self.loaded, settings, predictor=self._the_predictor)
        return segmenter.everything(embedded.seen, progress=progress)
