"""Doubts about masks: how many of the masks that are wrong does `samara review` doubt, and how many others?

    python -m benchmarks.doubts NAME=INSTANCES.json ...

Annotates the boxes of each COCO file (images beside it) with the embedded checkpoint, compares every mask with the
ground truth, and writes `results/doubts.csv`: for each file, for all masks and for those of each reason, how many there
are, how many have an IoU below 0.5, and their mean IoU.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

import samara
from samara.annotation.review.doubts import REASONS, doubts_of
from samara.annotation.review.limits import limits_of
from samara.annotation.review.settings import ReviewSettings
from samara.annotation.store.rows import annotated_row
from samara.annotation.store.store import AnnotationStore
from samara.datasets.reading.coco import read_coco
from samara.masks.overlap import mask_iou
from samara.measurement.records.environment import SOURCES, commit_of

RESULTS = Path(__file__).parent / "results" / "doubts.csv"
WRONG_BELOW = 0.5
FIELDS = ["data", "masks", "number", f"with_iou_below_{WRONG_BELOW}", "mean_iou", "checkpoint", "commit", "date"]


def main(files: list[str]) -> None:
    """Measure all files."""
    rows = []
    for name, path in (one.split("=", 1) for one in files):
        iou, severity = measure(Path(path))
        is_doubted = severity.any(1)
        parts = {"all": np.ones(len(iou), bool), "doubted": is_doubted, "not doubted": ~is_doubted}
        parts |= {reason.title: severity[:, place] for place, reason in enumerate(REASONS)}
        for part, chosen in parts.items():
            if chosen.any():
                mean = f"{iou[chosen].mean():.3f}"
                rows.append([name, part, chosen.sum(), (iou[chosen] < WRONG_BELOW).sum(), mean])
                print(*rows[-1])
    about = "samara_mini", commit_of(SOURCES), time.strftime("%Y-%m-%d")
    with RESULTS.open("w", newline="") as file:
        csv.writer(file).writerows([FIELDS, *([*row, *about] for row in rows)])


def measure(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the IoU with the ground truth of every mask, (M,), and which reasons doubt it, (M, R)."""
    with tempfile.TemporaryDirectory() as folder:
        samara.annotate(path, image_folder=path.parent, out=Path(folder) / "store")
        found = list(_of_images(samara.open_store(Path(folder) / "store"), path))
    return np.concatenate([iou for iou, _ in found]), np.concatenate([severity for _, severity in found])


def _of_images(store: AnnotationStore, path: Path) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]]:
    truth = {image.name: [one for one in image.instances if not one.is_crowd] for image in read_coco(path, path.parent)}
    limits = limits_of(store, ReviewSettings())
    for row, table in store.tables():
        masks = annotated_row(row, table, "").masks
        asked = truth[row.path]
        pairs = zip(masks.prompt_index, masks.rles, strict=True)
        iou = [float(mask_iou([rle], [asked[index].rle])[0, 0]) for index, rle in pairs]
        yield np.array(iou), doubts_of(table, limits).severity > 0


if __name__ == "__main__":
    main(sys.argv[1:])
