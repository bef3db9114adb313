"""`samara annotate` as a row of `gpu.py`: JPEG in, Parquet out, and how busy the GPU is meanwhile."""

from __future__ import annotations

import importlib.util
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.gpu_rows import Figure, Run, weights_of

BUSY = 70.0
"""Goal: percent of the time in which the GPU works."""

PHOTOS = 512
SECONDS_A_PHOTO = 1 / 3
"""Where time is short, as many photos as fit at this speed, half of the goal's."""


def annotation(run: Run) -> Iterator[Figure]:
    """Images per second of everything in photos of 1 to 2 megapixels."""
    name = "samara bfloat16" if run.device == "cuda" else "samara"
    if importlib.util.find_spec("pyarrow") is None:
        yield Figure(name, None, "left out: pyarrow not installed")
        return
    import samara

    weights = weights_of(run, "vit_b")
    count = 3 if run.quick else min(PHOTOS, int((run.remaining_s() - 30) / SECONDS_A_PHOTO))
    settings = samara.AnnotationSettings(automatic=weights.settings)
    with TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        write_photos(photos, count, (96, 128) if run.quick else (1000, 1500))
        with busy_percents() as busy:
            started = time.perf_counter()
            outcome = samara.annotate(
                photos, out=Path(folder) / "out", checkpoint=weights.file, device=run.device, settings=settings
            )
            seconds = time.perf_counter() - started
    images, masks = outcome.total.images, outcome.total.masks
    percent = statistics.fmean(busy) if busy else None
    told = "GPU busy not measured: no nvidia-smi" if percent is None else f"GPU busy {percent:.0f} %"
    met = None if percent is None else percent >= BUSY
    yield Figure(name, images / seconds, f"{images} photos, {masks} masks, {told}; with loading", meets=met)


def write_photos(folder: Path, count: int, size_hw: tuple[int, int]) -> None:
    """Parts of the examples, each another, as JPEG."""
    from PIL import Image

    folder.mkdir()
    paths = sorted((Path(__file__).parents[1] / "examples").glob("*.jpg"))
    examples = [Image.open(path).convert("RGB") for path in paths]
    height, width = size_hw
    for number in range(count):
        photo = examples[number % len(examples)]
        left = (37 * number) % max(1, photo.width // 4)
        part = photo.crop((left, left // 2, photo.width - left // 3, photo.height))
        part.resize((width + 10 * (number % 20), height)).save(folder / f"{number:04d}.jpg", quality=90)


@contextmanager
def busy_percents() -> Iterator[list[float]]:
    """What nvidia-smi says twice a second while the block runs; nothing without it."""
    found: list[float] = []
    if shutil.which("nvidia-smi") is None:
        yield found
        return
    over = threading.Event()
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]

    def watch() -> None:
        while not over.wait(0.5):
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
            if said.isdigit():
                found.append(float(said))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()
