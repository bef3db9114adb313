"""The search on a CPU: one mask at a time per core, the best first, and only if it can survive.

Low-res logits bound the box of a mask from both sides. If every box within the bounds overlaps too much with a better
survivor's, the mask is dropped without upsampling it: in everything mode nine of ten large masks. Nothing is
approximated: a mask whose fate the bounds leave open is upsampled.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.engines.engine import DecodedMasks
from samara.masks.rle import Rle, encode_columns
from samara.masks.suppression import GreedyBoxNms
from samara.segmentation.automatic.place import Place
from samara.segmentation.automatic.search import Criteria, Survivors
from samara.segmentation.upsampling import Extent, Upsampling
from samara.system.cores import map_on_cores

HELD_BYTES = 64 << 20
"""Low-res logits held until all points are decoded; beyond that, masks are upsampled and encoded before."""

PROBABLE_DUPLICATE = 0.5
"""IoU of outer boxes above which two masks are not upsampled at once; it changes the speed, not the result."""


@dataclass(frozen=True)
class _Settled:
    """A mask that passes every filter but NMS.

    Attributes:
        rle: the mask in the image.
        stability: its stability score.
        box: (4,) float32, inclusive, in the image.
    """

    rle: Rle
    stability: float
    box: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Held:
    """A mask that has not been upsampled.

    Attributes:
        logits: low-res logits of its extent, a copy.
        side: 4h = 4w, side of all of them.
        extent: see `Upsampling.extent`.
        outer: the extent's outer box (4,) float32, inclusive, in the image.
        inner: likewise.
    """

    logits: Tensor
    side: int
    extent: Extent
    outer: npt.NDArray[np.float32]
    inner: npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class _Candidate:
    """A mask of a prompt; `arrival` counts them."""

    arrival: int
    prompt: int
    predicted_iou: float
    mask: _Held | _Settled


class WindowSearch:
    """A `Search` in windows.

    Args:
        place: what is searched.
        criteria: what a mask must satisfy.
        held_bytes: see `HELD_BYTES`.
    """

    def __init__(self, place: Place, criteria: Criteria, *, held_bytes: int = HELD_BYTES) -> None:
        self.place, self.criteria, self.held_bytes = place, criteria, held_bytes
        self._candidates: list[_Candidate] = []
        self._arrived = 0

    def add(self, decoded: DecodedMasks, first_prompt: int) -> None:
        """See `Search.add`."""
        held = map_on_cores(self._held, decoded.low_res_logits)
        prompts, predicted_iou = (decoded.prompt + first_prompt).tolist(), decoded.predicted_iou.tolist()
        self._candidates += [
            _Candidate(arrival, prompt, iou, mask)
            for arrival, prompt, iou, mask in zip(itertools.count(self._arrived), prompts, predicted_iou, held)
            if mask is not None
        ]
        self._arrived += len(held)
        if self._held_now() > self.held_bytes:
            self._settle_what_survives()  # so far; what is surely suppressed stays as it is, as its suppressor may fall
        if self._held_now() > self.held_bytes:
            self._candidates = self._settle(self._candidates)

    def survivors(self) -> Survivors:
        """See `Search.survivors`."""
        found = self._settle_what_survives()
        masks = [one.mask for one in found if isinstance(one.mask, _Settled)]
        return Survivors(
            rles=tuple(mask.rle for mask in masks),
            prompt=np.array([one.prompt for one in found], dtype=np.int64),
            predicted_iou=np.array([one.predicted_iou for one in found], dtype=np.float64),
            stability=np.array([mask.stability for mask in masks], dtype=np.float64),
        )

    def _held_now(self) -> int:
        """Bytes of low-res logits."""
        return sum(one.mask.logits.nbytes for one in self._candidates if isinstance(one.mask, _Held))

    def _settle_what_survives(self) -> list[_Candidate]:
        """Run box NMS, upsampling what it needs to know; return the survivors, all settled, best first."""
        nms = GreedyBoxNms(self.criteria.box_nms_thresh)
        survivors, others = [], []
        # Of equal ones the earlier counts as better.
        waiting = deque(sorted(self._candidates, key=lambda one: (-one.predicted_iou, one.arrival)))
        while waiting:
            block, suppressed = _next_block(waiting, nms, 2 * torch.get_num_threads())
            others += suppressed
            for candidate in self._settle(block):
                if nms.suppresses(box := _box_of(candidate)):
                    others.append(candidate)
                else:
                    nms.keep(box)
                    survivors.append(candidate)
        self._candidates = survivors + others
        return survivors

    def _settle(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """Upsample candidates, and leave out those that fail a filter."""
        settled = map_on_cores(self._settled, candidates)
        return [replace(one, mask=mask) for one, mask in zip(candidates, settled, strict=True) if mask is not None]

    def _held(self, logits: Tensor) -> _Held | None:
        """Hold a mask (4h, 4w); None if it is empty."""
        with torch.inference_mode():
            extent = self._upsampling(logits.shape[-1]).extent(logits, self.criteria.threshold, self.criteria.offset)
            if extent is None:
                return None
            part = logits[slice(*extent.rows), slice(*extent.columns)].clone()
        inner = None if extent.inner_xyxy is None else self.place.inclusive(extent.inner_xyxy)[0]
        return _Held(part, logits.shape[-1], extent, self.place.inclusive(extent.outer_xyxy)[0], inner)

    def _settled(self, candidate: _Candidate) -> _Settled | None:
        """Upsample a mask, unless it was; None if it fails a filter."""
        if isinstance(candidate.mask, _Settled):
            return candidate.mask
        logits = self._whole(candidate.mask)
        with torch.inference_mode():
            window = self._upsampling(logits.shape[-1]).window(logits, self.criteria.threshold, self.criteria.offset)
        if window is None or window.stability < self.criteria.min_stability:
            return None
        x0, y0 = self.place.corner_xy
        rle = encode_columns(window.columns, window.x0 + x0, window.y0 + y0, *self.place.size_hw)
        box = np.array(rle.box_xyxy) - [x0, y0, x0, y0]
        if not rle.area or not self.place.is_whole(box)[0]:
            return None
        return _Settled(rle, window.stability, self.place.inclusive(box)[0])

    def _whole(self, mask: _Held) -> Tensor:
        """Return the low-res logits (4h, 4w) of a held mask, background outside of its extent."""
        logits = mask.logits.new_full((mask.side, mask.side), self.criteria.threshold - self.criteria.offset - 1)
        logits[slice(*mask.extent.rows), slice(*mask.extent.columns)] = mask.logits
        return logits

    def _upsampling(self, low_res_side: int) -> Upsampling:
        return Upsampling(self.place.frame, low_res_side)


def _box_of(candidate: _Candidate) -> npt.NDArray[np.float32]:
    """Return the box of a settled mask, or what the box of a held one lies within."""
    return candidate.mask.box if isinstance(candidate.mask, _Settled) else candidate.mask.outer


def _surely_suppressed(candidate: _Candidate, nms: GreedyBoxNms) -> bool:
    mask = candidate.mask
    if isinstance(mask, _Settled):
        return nms.suppresses(mask.box)
    return mask.inner is not None and nms.surely_suppresses(mask.inner, mask.outer)


def _next_block(
    waiting: deque[_Candidate], nms: GreedyBoxNms, max_count: int
) -> tuple[list[_Candidate], list[_Candidate]]:
    """Take the next candidates off the queue; return those to settle, and those that are surely suppressed.

    A block ends before a candidate that probably duplicates another of it, and then need not be upsampled.
    """
    block: list[_Candidate] = []
    suppressed: list[_Candidate] = []
    in_block = GreedyBoxNms(PROBABLE_DUPLICATE)
    while waiting and len(block) < max_count:
        if _surely_suppressed(waiting[0], nms):
            suppressed.append(waiting.popleft())
            continue
        box = _box_of(waiting[0])
        if in_block.suppresses(box):
            break
        in_block.keep(box)
        block.append(waiting.popleft())
    return block, suppressed
