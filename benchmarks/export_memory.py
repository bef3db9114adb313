"""Memory of writing a million masks: does it grow?

    python -m benchmarks.export_memory [MASKS] [FORMAT...]

Writes so many masks (1,000,000; 100 to an image) in each format (coco), as a store would give them, and appends to
`results/export_memory.csv` the resident memory after the first tenth and at its highest, and the size of the result.
"""

from __future__ import annotations

import csv
import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.annotation_memory import resident_bytes
from samara.datasets.annotated import AnnotatedImage
from samara.datasets.formats import WRITERS
from samara.machine import detect
from samara.masks.rle import encode_mask, place
from samara.measurements.circumstances import SOURCES, commit_of
from samara.results import MaskSet

RESULTS = Path(__file__).parent / "results" / "export_memory.csv"
PER_IMAGE, HEIGHT, WIDTH = 100, 480, 640


def images(count: int) -> Iterator[AnnotatedImage]:
    """Images with discs at random places, made as they are asked for."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:61, :61]
    discs = [encode_mask((x - 30) ** 2 + (y - 30) ** 2 < radius**2) for radius in range(5, 30)]
    corners = random.integers(0, (WIDTH - 61, HEIGHT - 61), (1000, 2)).tolist()
    pool = [place(discs[k % len(discs)], HEIGHT, WIDTH, *corner) for k, corner in enumerate(corners)]
    for number in range(1, count + 1):
        masks = MaskSet(
            rles=tuple(pool[k] for k in random.integers(0, len(pool), PER_IMAGE)),
            size_hw=(HEIGHT, WIDTH),
            checkpoint="none",
            predicted_iou=random.random(PER_IMAGE),
            prompt_index=np.arange(PER_IMAGE),
        )
        yield AnnotatedImage(f"{number // 1000:04d}/{number:08d}.jpg", masks, image_id=number)


def measure(name: str, masks: int) -> dict[str, object]:
    """Write one format."""
    count = masks // PER_IMAGE
    early = highest = 0
    with tempfile.TemporaryDirectory() as folder, WRITERS[name].open(Path(folder)) as writer:
        started = time.perf_counter()
        for number, image in enumerate(images(count), 1):
            writer.add(image)
            if number % max(1, count // 100) == 0:
                highest = max(highest, resident_bytes())
            if number == max(1, count // 10):
                early = highest
        writer.close()
        seconds = time.perf_counter() - started
        highest = max(highest, resident_bytes())
        written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return {
        "format": name,
        "masks": count * PER_IMAGE,
        "resident_bytes_after_a_tenth": early,
        "resident_bytes_at_most": highest,
        "written_bytes": written,
        "seconds": round(seconds, 1),
        "machine": detect().title,
        "commit": commit_of(SOURCES),
        "date": time.strftime("%Y-%m-%d"),
    }


def main(masks: int, names: list[str]) -> None:
    """Measure the formats and append them to the results."""
    for name in names:
        gc.collect()
        row = measure(name, masks)
        print(row)
        is_new = not RESULTS.exists()
        with RESULTS.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2:] or ["coco"])
