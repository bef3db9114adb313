"""The search on an accelerator: whole masks, many at a time, on the device until NMS is done.

Only boxes and scores are copied to the host, once for many masks. What NMS keeps is upsampled a second time, which is
cheaper than keeping masks of full size, and encoded on the device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.engines.engine import DecodedMasks
from samara.masks.boxes import boxes_of_masks
from samara.masks.rle import Rle, encode_masks, place
from samara.masks.stability import stability_score
from samara.masks.suppression import box_nms
from samara.segmentation.automatic.place import Place
from samara.segmentation.automatic.search import Criteria, Survivors
from samara.segmentation.predictor import full_size

HELD_BYTES = 1 << 30
"""Low-res logits held on the device until NMS; beyond that, stable masks are encoded before it."""


@dataclass(frozen=True)
class _Judged:
    """K masks, all stable, whole and not empty, on the host.

    Attributes:
        boxes: (K, 4) float32, inclusive, in the image.
        stability: (K,).
        predicted_iou: (K,).
        prompt: (K,).
        logits: (K, 4h, 4w) on the device, or the masks made of them.
    """

    boxes: npt.NDArray[np.float32]
    stability: npt.NDArray[np.float64]
    predicted_iou: npt.NDArray[np.float64]
    prompt: npt.NDArray[np.int64]
    logits: Tensor | list[Rle]


@dataclass(frozen=True)
class _Measured:
    """The same before any filter, as tensors on the device."""

    boxes: Tensor
    stability: Tensor
    predicted_iou: Tensor
    prompt: Tensor
    logits: Tensor


class BatchSearch:
    """A `Search` in batches.

    Args:
        place: what is searched.
        criteria: what a mask must satisfy.
        held_bytes: see `HELD_BYTES`.
    """

    def __init__(self, place: Place, criteria: Criteria, *, held_bytes: int = HELD_BYTES) -> None:
        self.place, self.criteria, self.held_bytes = place, criteria, held_bytes
        self._measured: list[_Measured] = []
        self._judged: list[_Judged] = []

    @torch.inference_mode()
    def add(self, decoded: DecodedMasks, first_prompt: int) -> None:
        """See `Search.add`; nothing is copied to the host here unless too much is held."""
        logits = decoded.low_res_logits
        if not len(logits):
            return
        stability, boxes = [], []
        for piece in full_size(logits, self.place.frame):
            stability.append(stability_score(piece, self.criteria.threshold, self.criteria.offset))
            boxes.append(boxes_of_masks(piece > self.criteria.threshold))
        self._measured.append(
            _Measured(
                torch.cat(boxes), torch.cat(stability), decoded.predicted_iou, decoded.prompt + first_prompt, logits
            )
        )
        if self._bytes(self._measured) + self._bytes(self._judged) > self.held_bytes:
            self._judge()
            if self._bytes(self._judged) > self.held_bytes // 2:
                self._judged = [self._encoded(batch) for batch in self._judged]

    @torch.inference_mode()
    def survivors(self) -> Survivors:
        """See `Search.survivors`."""
        self._judge()
        if not self._judged:
            nothing = np.zeros(0)
            return Survivors((), nothing.astype(np.int64), nothing, nothing)
        boxes = np.concatenate([batch.boxes for batch in self._judged])
        predicted_iou = np.concatenate([batch.predicted_iou for batch in self._judged])
        kept = box_nms(boxes, predicted_iou, self.criteria.box_nms_thresh)
        return Survivors(
            rles=tuple(self._rles(kept)),
            prompt=np.concatenate([batch.prompt for batch in self._judged])[kept],
            predicted_iou=predicted_iou[kept],
            stability=np.concatenate([batch.stability for batch in self._judged])[kept],
        )

    def _judge(self) -> None:
        """Copy what was measured to the host, at once, and keep what passes every filter but NMS."""
        if not self._measured:
            return
        columns = [
            torch.cat([getattr(batch, name) for batch in self._measured]).double()
            for name in ("boxes", "stability", "predicted_iou", "prompt")
        ]
        table = torch.cat([column.view(len(column), -1) for column in columns], dim=1).cpu().numpy()
        boxes, (stability, predicted_iou, prompt) = table[:, :4].astype(np.int64), table[:, 4:].T
        good = np.flatnonzero(
            (stability >= self.criteria.min_stability) & (boxes[:, 2] > boxes[:, 0]) & self.place.is_whole(boxes)
        )
        logits = torch.cat([batch.logits for batch in self._measured])
        self._measured = []
        if len(good):
            self._judged.append(
                _Judged(
                    boxes=self.place.inclusive(boxes[good]),
                    stability=stability[good],
                    predicted_iou=predicted_iou[good],
                    prompt=prompt[good].astype(np.int64),
                    logits=logits[torch.from_numpy(good).to(logits.device)],
                )
            )

    def _rles(self, kept: npt.NDArray[np.int64]) -> list[Rle]:
        """Return the run lengths of judged masks by their indices, in that order."""
        found: dict[int, Rle] = {}
        first = 0
        for batch in self._judged:
            own = kept[(kept >= first) & (kept < first + len(batch.prompt))]
            found |= zip(own.tolist(), self._encode(batch.logits, own - first), strict=True)
            first += len(batch.prompt)
        return [found[index] for index in kept.tolist()]

    def _encode(self, logits: Tensor | list[Rle], chosen: npt.NDArray[np.int64]) -> list[Rle]:
        if isinstance(logits, list):
            return [logits[index] for index in chosen]
        drawn = logits[torch.from_numpy(chosen).to(logits.device)]
        pieces = full_size(drawn, self.place.frame)
        rles = [rle for piece in pieces for rle in encode_masks(piece > self.criteria.threshold)]
        return [place(rle, *self.place.size_hw, *self.place.corner_xy) for rle in rles]

    def _encoded(self, batch: _Judged) -> _Judged:
        """Replace a batch's logits by run lengths, to free the device's memory."""
        everything = np.arange(len(batch.prompt))
        return _Judged(
            batch.boxes, batch.stability, batch.predicted_iou, batch.prompt, self._encode(batch.logits, everything)
        )

    @staticmethod
    def _bytes(batches: list[_Measured] | list[_Judged]) -> int:
        return sum(batch.logits.nbytes for batch in batches if isinstance(batch.logits, Tensor))
