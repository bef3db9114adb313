"""Memory and speed of fine-tuning a mask decoder, with embeddings from the cache and with the encoder in every step.

    python benchmarks/finetuning_memory.py            # all of SAM B, L, H and MobileSAM, in processes of their own
    python benchmarks/finetuning_memory.py vit_b

Weights are random and pictures are noise: neither changes what a step costs. Appends one row per variant and mode to
`results/finetuning_memory.csv`, with machine, versions and commit. Memory is the peak resident set beyond the loaded
network, so it can be compared with the VRAM that the project's brief asks for (8, 16 and 24 GB).
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import samara
from samara.benchmarking.memory import peak_resident_bytes
from samara.datasets.ground_truth import Instance, LabelledImage
from samara.finetuning.examples import examples_of
from samara.finetuning.processes import Processes
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.step import add_gradients_of_pictures
from samara.finetuning.trained_weights import choose_trained
from samara.finetuning.training_set import TrainingSet
from samara.machine import detect
from samara.masks.rle import encode_mask
from samara.measurements.circumstances import SOURCES, commit_of

RESULTS = Path(__file__).parent / "results" / "finetuning_memory.csv"
VARIANTS = ("mobile_sam", "vit_b", "vit_l", "vit_h")
STEPS = 3


def peak_bytes() -> int:
    """Highest resident set of this process so far."""
    peak = peak_resident_bytes()
    if peak is None:
        raise SystemExit("this system does not tell peaks of memory")
    return peak


def pictures(folder: Path) -> list[LabelledImage]:
    """Two noisy pictures with eight objects each."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(2):
        path = folder / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (600, 800, 3), dtype=np.uint8)).save(path)
        instances = []
        for index in range(8):
            mask = np.zeros((600, 800), dtype=bool)
            mask[50 + 200 * (index % 2) :, 100 * index :][:150, :90] = True
            instances.append(Instance(encode_mask(mask), None))
        found.append(LabelledImage(path, (600, 800), tuple(instances), path.name, None))
    return found


def measure(variant: str, is_cached: bool) -> dict[str, object]:
    """Train a few steps in this process."""
    settings = FineTuneSettings()
    loaded = samara.load(variant, weights="random", device="cpu", precision="float32")
    before = peak_bytes()
    with tempfile.TemporaryDirectory() as folder:
        examples = TrainingSet(loaded, examples_of(pictures(Path(folder))))
        cache = examples.cache(Path(folder) / "cache", Processes()) if is_cached else None
        network = loaded.sam
        optimiser = torch.optim.AdamW(choose_trained(network, settings).values(), lr=settings.learning_rate)

        def features_of(index: int) -> torch.Tensor:
            if cache is not None:
                return cache[index][None]
            with torch.no_grad():
                features: torch.Tensor = network.image_encoder(examples.network_input(index))
            return features

        durations = []
        for step in range(STEPS):
            generator = torch.Generator().manual_seed(step)
            started = time.perf_counter()
            add_gradients_of_pictures(
                network,
                examples,
                (0, 1),
                features_of,
                settings,
                generator_of=lambda _, generator=generator: generator,
                processes=Processes(),
            )
            optimiser.step()
            optimiser.zero_grad()
            durations.append(time.perf_counter() - started)
    return {
        "variant": variant,
        "embeddings": "cached" if is_cached else "encoded in every step",
        "additional_peak_bytes": peak_bytes() - before,
        "seconds_per_step": round(float(np.median(durations)), 2),
        "objects_per_step": examples.objects,
        "predictions_per_object": 2 + settings.simulation.rounds,
        "input_size": loaded.input_size,
        "machine": detect().title,
        "torch": torch.__version__,
        "commit": commit_of(SOURCES),
        "date": time.strftime("%Y-%m-%d"),
    }


def append(row: dict[str, object]) -> None:
    """Add a row to the results."""
    RESULTS.parent.mkdir(exist_ok=True)
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def main() -> None:
    """Measure each variant and mode in a process of its own: peaks of one would hide the next."""
    match sys.argv[1:]:
        case ["--one", variant, mode]:
            append(measure(variant, mode == "cached"))
        case variants:
            for variant in variants or VARIANTS:
                for mode in ("cached", "encoded"):
                    subprocess.run([sys.executable, __file__, "--one", variant, mode], check=True)


if __name__ == "__main__":
    main()
