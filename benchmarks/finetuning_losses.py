"""Which losses help most on a small set: a decoder fine-tuned with each, measured on images that no run has seen.

    python -m benchmarks.finetuning_losses CHECKPOINT --input-size 512 DATA/train/dubai DATA/train/lgg

Each folder has images and `instances.json` (COCO). Of each, the first images of a seeded shuffle are trained on,
the next choose the best epoch, and the next are measured; all runs see the same. A row per run goes to
`results/finetuning_losses.csv`, with one for the checkpoint as it came.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import samara
from benchmarks.rows import add_rows
from samara.datasets.reading.coco import read_coco
from samara.engines.loaded import Loaded
from samara.finetuning.loop import fine_tune
from samara.finetuning.settings import FineTuneSettings, LossWeights
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.environment import SOURCES, commit_of
from samara.system.machine import detect_machine

RESULTS = Path(__file__).parent / "results" / "finetuning_losses.csv"
LOSSES = {
    "20 focal + dice": LossWeights(),
    "5 focal + dice + 0.2 cross-entropy": LossWeights(focal=5, cross_entropy=0.2),
    "dice + cross-entropy": LossWeights(focal=0, cross_entropy=1),
}
MEASURED = EvaluationSettings(measures=("centre_click", "box"), objects=5)


def divided(source: Path, folder: Path, sizes: tuple[int, ...], seed: int) -> list[Path]:
    """COCO files with so many images each, none of them twice; images without objects are left out."""
    whole = json.loads((source / "instances.json").read_text())
    labelled = {one["image_id"] for one in whole["annotations"]}
    images = [image for image in whole["images"] if image["id"] in labelled]
    order = np.random.default_rng(seed).permutation(len(images))
    paths = []
    for number, (first, size) in enumerate(zip(np.cumsum([0, *sizes]), sizes, strict=False)):
        chosen = [images[index] for index in order[first : first + size]]
        kept = {image["id"] for image in chosen}
        part = whole | {
            "images": chosen,
            "annotations": [one for one in whole["annotations"] if one["image_id"] in kept],
        }
        paths.append(folder / f"{source.name}-{number}.json")
        paths[-1].write_text(json.dumps(part))
    return paths


def quality(loaded: Loaded, coco: Path, source: Path) -> dict[str, float]:
    """Mean IoU of a click and of a box on the images of a COCO file."""
    records = samara.evaluate(coco, source, loaded, settings=MEASURED).records
    return {record.metric: record.value for record in records if record.source is None and record.value is not None}


def rows_of(arguments: argparse.Namespace, source: Path, folder: Path):
    """The checkpoint as it came, then each loss."""
    training, validation, test = divided(source, folder, tuple(arguments.images), arguments.seed)
    as_it_came = samara.load(arguments.checkpoint, device="cpu", precision="float32", input_size=arguments.input_size)
    yield "as it came", quality(as_it_came, test, source), 0.0
    for name, losses in LOSSES.items():
        settings = FineTuneSettings(
            losses=losses, epochs=arguments.epochs, augmentations=(), precision=arguments.precision, seed=arguments.seed
        )
        out = folder / f"{source.name}-{len(name)}.safetensors"
        started = time.monotonic()
        fine_tune(as_it_came, read_coco(training, source), read_coco(validation, source), out, settings)
        seconds = time.monotonic() - started
        tuned = samara.load(out, device="cpu", precision="float32", input_size=arguments.input_size)
        yield name, quality(tuned, test, source), seconds


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--input-size", type=int)
    parser.add_argument(
        "--images", nargs=3, type=int, default=(16, 8, 40), metavar="N", help="trained, chosen by, measured"
    )
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    environment = {
        "images": " ".join(map(str, arguments.images)),
        "epochs": arguments.epochs,
        "precision": arguments.precision,
        "seed": arguments.seed,
        "machine": detect_machine().title,
        "torch": torch.__version__,
        "commit": commit_of(SOURCES),
        "date": time.strftime("%Y-%m-%d"),
    }
    for source in arguments.folders:
        with tempfile.TemporaryDirectory() as folder:
            for losses, found, seconds in rows_of(arguments, source, Path(folder)):
                row = {"checkpoint": Path(arguments.checkpoint).stem, "input_size": arguments.input_size}
                row |= {"source": source.name, "losses": losses, "seconds": f"{seconds:.0f}"}
                row |= {metric: f"{value:.4f}" for metric, value in sorted(found.items())}
                print(row, flush=True)
                add_rows(RESULTS, [row | environment])


if __name__ == "__main__":
    main()
