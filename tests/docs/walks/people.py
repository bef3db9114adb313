"""Stands for people with an annotation tool: `people TASKS RESULT`, for tasks of Label Studio or COCO."""

import copy
import json
import sys
from pathlib import Path

import numpy as np

from samara.datasets.writing.brush_rle import brush_rle
from samara.masks.rle import encode_mask

SQUARE = (4, 4, 14, 14)
"""What they draw: left, top, right and bottom in pixels."""


def with_label_studio(tasks):
    """Correct the first task (one region removed, one drawn anew, one renamed), skip the second, leave the others."""
    first, second, *others = copy.deepcopy(tasks)
    removed, drawn, renamed = first["predictions"][0]["result"]
    del removed
    drawn["value"]["rle"] = brush_rle(square(drawn["original_height"], drawn["original_width"]))
    renamed["value"]["brushlabels"] = ["renamed"]
    done = {"id": 1, "result": [drawn, renamed], "was_cancelled": False}
    skipped = {"id": 2, "result": [], "was_cancelled": True}
    return [
        first | {"annotations": [done]},
        second | {"annotations": [skipped]},
        *(one | {"annotations": []} for one in others),
    ]


def with_coco(document):
    """Add an object to the first image."""
    image = document["images"][0]
    left, top, right, bottom = SQUARE
    outline = [left, top, right, top, right, bottom, left, bottom]
    added = {"id": 10_000, "image_id": image["id"], "category_id": document["categories"][0]["id"], "iscrowd": 0}
    return document | {"annotations": [*document["annotations"], added | {"segmentation": [outline]}]}


def square(height, width):
    """Return what they draw, in an image."""
    mask = np.zeros((height, width), bool)
    left, top, right, bottom = SQUARE
    mask[top:bottom, left:right] = True
    return encode_mask(mask)


if __name__ == "__main__":
    tasks = json.loads(Path(sys.argv[1]).read_text())
    result = with_label_studio(tasks) if isinstance(tasks, list) else with_coco(tasks)
    Path(sys.argv[2]).write_text(json.dumps(result))
