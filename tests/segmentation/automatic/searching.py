"""Masks to search, and the search by the official steps."""

from __future__ import annotations

import numpy as np
import torch

from samara.engines.engine import DecodedMasks
from samara.images.preprocessing import Frame
from samara.masks.rle import place as put
from samara.masks.suppression import box_nms
from samara.segmentation.automatic.batch_search import BatchSearch
from samara.segmentation.automatic.crops import Crop
from samara.segmentation.automatic.place import Place
from samara.segmentation.automatic.search import Survivors
from samara.segmentation.automatic.stable_masks import stable_masks
from samara.segmentation.automatic.window_search import WindowSearch

WHOLE = Place(Frame((150, 200), 256), Crop((0, 0, 200, 150), 0), (150, 200))
CROPPED = Place(Frame((200, 230), 256), Crop((60, 30, 290, 230), 1), (300, 400))
SQUASHED = Place(Frame((150, 200), 256, fit="squash"), Crop((0, 0, 200, 150), 0), (150, 200))
CUBIC = Place(Frame((150, 200), 256, fit="squash", upsampling="bicubic"), Crop((0, 0, 200, 150), 0), (150, 200))
SMALL = Place(Frame((40, 31), 256), Crop((0, 0, 31, 40), 0), (40, 31))
PLACES = {"whole": WHOLE, "cropped": CROPPED, "squashed": SQUASHED, "bicubic": CUBIC, "smaller than the logits": SMALL}

SEARCHES = {"windows": WindowSearch, "batches": BatchSearch}


def decoded(count, seed):
    """Ellipses in groups of near duplicates, some steep and some flat, with equal scores; the last is empty."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.rand(count // 5, 5, generator=generator)[torch.randint(count // 5, (count,), generator=generator)]
    kinds = kinds + torch.randn(count, 5, generator=generator) / 60
    x, y, across, down, steepness = kinds.T[..., None, None]
    places = torch.arange(64) / 64
    distance = ((places - x * 0.7) / (0.03 + across / 5)) ** 2 + ((places[:, None] - y * 0.6) / (0.03 + down / 5)) ** 2
    logits = (4 + 40 * steepness) * (1 - distance)
    logits[-1] = -9
    scores = torch.randint(5, 9, (count,), generator=generator) / 10
    return DecodedMasks(torch.arange(count) // 3, logits, scores)


def by_the_book(given, place, criteria):
    """Filter all masks, move them to the image, then run NMS."""
    passed = stable_masks(
        given.low_res_logits,
        place.frame,
        threshold=criteria.threshold,
        offset=criteria.offset,
        min_stability=criteria.min_stability,
    )
    boxes = np.array([rle.box_xyxy for rle in passed.rles]).reshape(-1, 4)
    whole = np.flatnonzero(place.is_whole(boxes))
    index = passed.index[whole]
    kept = box_nms(place.inclusive(boxes[whole]), given.predicted_iou[index].numpy(), criteria.box_nms_thresh)
    return Survivors(
        rles=tuple(put(passed.rles[one], *place.size_hw, *place.corner_xy) for one in whole[kept]),
        prompt=given.prompt[index][kept].numpy(),
        predicted_iou=given.predicted_iou[index][kept].double().numpy(),
        stability=passed.stability[whole][kept],
    )


def search(kind, given, place, criteria, **settings):
    """Add the masks in three batches."""
    found = SEARCHES[kind](place, criteria, **settings)
    for start in range(0, len(given.prompt), len(given.prompt) // 3 + 1):
        part = slice(start, start + len(given.prompt) // 3 + 1)
        first = int(given.prompt[part][0])
        found.add(
            DecodedMasks(given.prompt[part] - first, given.low_res_logits[part], given.predicted_iou[part]), first
        )
    return found.survivors()
