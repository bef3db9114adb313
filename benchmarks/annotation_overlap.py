"""How much of the time of `samara annotate` is the network at work?

    python -m benchmarks.annotation_overlap [FOLDER]

Annotates 40 pictures (those of the folder, mirrored and turned until there are 40) with `samara_mini` in three ways:
pictures that are decoded already, without a store; `annotate`, one thing after the other; `annotate` as it is, where
reading, network and writing overlap. One thread for the network. Appends a row each to
`results/annotation_overlap.csv`: seconds without loading the checkpoint, and the seconds of them inside the network.
"""

from __future__ import annotations

import csv
import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps

import samara
from samara.annotation.annotator import Annotator, make_annotator
from samara.annotation.prefetch import Reading
from samara.annotation.runner import Work, annotate_store
from samara.annotation.settings import AnnotationSettings
from samara.annotation.sources import open_source
from samara.annotation.store import create_store
from samara.automatic.generator import AutomaticMaskGenerator
from samara.automatic.settings import AutomaticSettings
from samara.machine import detect
from samara.measurements.circumstances import SOURCES, commit_of

RESULTS = Path(__file__).parent / "results" / "annotation_overlap.csv"
PICTURES = 40
POINTS_PER_SIDE = 12
TURNS = (lambda picture: picture, ImageOps.mirror, ImageOps.flip, lambda picture: picture.transpose(Image.ROTATE_90))


class Timed:
    """An engine that adds up the seconds inside the network."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.seconds = engine, 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.engine, name)
        return self._timed(found) if name in ("encode", "prepare", "decode") else found

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - started

        return timed


def write_pictures(source: Path, folder: Path) -> None:
    """Write the pictures that are annotated, as JPEG."""
    folder.mkdir()
    paths = sorted(path for path in source.iterdir() if path.suffix in (".jpg", ".png"))
    turned = itertools.product(TURNS, paths)
    for number, (turn, path) in enumerate(itertools.islice(itertools.cycle(turned), PICTURES)):
        with Image.open(path) as picture:
            turn(picture.convert("RGB")).save(folder / f"{number:02d}.jpg", quality=92)


def main(source: Path) -> None:
    """Measure the three ways and append them to the results."""
    torch.set_num_threads(1)
    loaded = samara.load("samara_mini", device="cpu", precision="float32")
    annotator = make_annotator(loaded, AnnotationSettings(automatic=AutomaticSettings(points_per_side=POINTS_PER_SIDE)))
    assert isinstance(annotator.segmenter, AutomaticMaskGenerator)
    engine = Timed(annotator.segmenter.predictor.engine)
    annotator.segmenter.predictor.engine = engine  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(source, folder / "pictures")
        fetched = list(reading_of(folder / "pictures", 2).fetched(open_source([str(folder / "pictures")]).entries()))
        annotator.annotate(fetched[0].picture)  # warm
        ways: dict[str, Callable[[], None]] = {
            "decoded already, no store": lambda: [annotator.annotate(one.picture) for one in fetched] and None,
            "annotate, one thing after the other": lambda: run(annotator, folder, 0),
            "annotate": lambda: run(annotator, folder, 2),
        }
        for way, work in ways.items():
            engine.seconds, started = 0.0, time.perf_counter()
            work()
            append(way, time.perf_counter() - started, engine.seconds)


def reading_of(pictures: Path, threads: int) -> Reading:
    """How pictures are read."""
    return Reading(open_source([str(pictures)]).read, None, threads)


def run(annotator: Annotator, folder: Path, threads: int) -> None:
    """Annotate into a store of its own."""
    pictures = folder / "pictures"
    store = create_store(folder / f"store-{threads}", {}, open_source([str(pictures)]).entries())
    work = Work(reading_of(pictures, threads), in_flight=min(threads, 1))
    annotate_store(store, replace(annotator), work)


def append(way: str, seconds: float, network_seconds: float) -> None:
    """Add a row to the results."""
    row = {
        "way": way,
        "pictures": PICTURES,
        "points_per_side": POINTS_PER_SIDE,
        "seconds": round(seconds, 2),
        "network_seconds": round(network_seconds, 2),
        "network_share": round(network_seconds / seconds, 3),
        "network_threads": 1,
        "machine": detect().title,
        "torch": torch.__version__,
        "commit": commit_of(SOURCES),
        "date": time.strftime("%Y-%m-%d"),
    }
    print(row)
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "examples")
