"""Memory of annotating thousands of images: does it grow?

    python -m benchmarks.annotation_memory [IMAGES]

Annotates so many small images (2,000) with a small network of random weights, notes the resident memory after every
twentieth image, and writes `results/annotation_memory.csv` and the curve in `docs/images`. Ends with an error if the
second half of the run needed noticeably more than the first.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from samara.annotation.carry_out import AnnotationRun, carry_out
from samara.annotation.inputs.sources import open_source
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.settings import AnnotationSettings, Cleaning
from samara.checkpoints.choice import Choice
from samara.measurement.records.environment import SOURCES, commit_of
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.system.machine import detect_machine

RESULTS = Path(__file__).parent / "results" / "annotation_memory.csv"
CURVE = Path(__file__).parents[1] / "docs" / "images" / "annotation_memory.png"
EVERY = 20
# Of the mean of the second half over that of the first, after the first fifth, in which pools and caches fill.
MAX_GROWTH_BYTES = 20 << 20


def main(count: int) -> None:
    """Measure, write the curve, and judge it."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        write_images(images, count)
        curve = measure(images, Path(folder) / "out")
    environment = (detect_machine().title, torch.__version__, commit_of(SOURCES), time.strftime("%Y-%m-%d"))
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["images", "seconds", "resident_bytes", "machine", "torch", "commit", "date"])
        writer.writerows((*row, *environment) for row in curve)
    draw(curve, CURVE)
    settled = np.array([row[2] for row in curve[len(curve) // 5 :]])
    first, second = np.array_split(settled, 2)
    growth = second.mean() - first.mean()
    print(f"{count} images in {curve[-1][1]:.0f} s; resident {settled.max() / 1e6:.0f} MB at most, ", end="")
    print(f"second half {growth / 1e6:+.1f} MB over the first")
    if growth > MAX_GROWTH_BYTES:
        raise SystemExit("memory grows with the number of images")


def write_images(folder: Path, count: int) -> None:
    """Make small images of blurred colours."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC).save(folder / f"{number:06d}.jpg")


def measure(images: Path, out: Path) -> list[tuple[int, float, int]]:
    """Annotate, and note images done, seconds and resident bytes as it goes."""
    settings = AnnotationSettings(
        automatic=AutomaticSettings(points_per_side=2, pred_iou_thresh=-100.0, stability_score_thresh=0.0),
        cleaning=Cleaning(hierarchy=True, unique=True),
    )
    choice = Choice(checkpoint="samara_mini", device="cpu", precision="float32", input_size=64, weights="random")
    job = AnnotationJob(choice=choice, settings=settings, source=open_source([str(images)]))
    start, curve = time.monotonic(), []

    def note(_: str, done: int, total: int) -> None:
        if done % EVERY == 0:
            curve.append((done, round(time.monotonic() - start, 2), resident_bytes()))

    outcome = carry_out(job, AnnotationRun(out=out), progress=note)
    assert outcome.total.quarantined == 0
    assert outcome.total.masks > 0
    return curve


def resident_bytes() -> int:
    """Of this process, as Linux counts it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def draw(curve: list[tuple[int, float, int]], path: Path) -> None:
    """Draw the curve as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    axes.plot([row[0] for row in curve], [row[2] / 1e6 for row in curve], color="#0072b2")
    axes.set(xlabel="images annotated", ylabel="resident memory in MB", ylim=(0, None), xlim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_title("Memory of `samara annotate` over one run", loc="left")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
