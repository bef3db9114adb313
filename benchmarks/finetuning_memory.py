"""Memory and time of a step of fine-tuning: embeddings from the cache, encoder in every step, encoder learning too.

    python benchmarks/finetuning_memory.py                         # MobileSAM and SAM B, L, H, cached and encoded
    python benchmarks/finetuning_memory.py vit_b cached lora everything "everything, recomputed"

Weights are random and images are noise: neither changes what a step costs. Every row of
`results/finetuning_memory.csv` is measured in a process of its own, with one thread, and has machine, versions and
commit. Memory is the peak resident set beyond the loaded network, so it can be compared with the VRAM that the
project's brief asks for (8, 16 and 24 GB). Time is that of the processor, so that other work on it does not count.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import samara
from samara.datasets.ground_truth import Instance, LabelledImage
from samara.finetuning.examples import examples_of
from samara.finetuning.processes import Processes
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.step import add_gradients_of_images
from samara.finetuning.trained_weights import choose_trained, recompute_blocks
from samara.finetuning.training_set import TrainingSet
from samara.masks.rle import encode_mask
from samara.measurement.benchmarking.memory import peak_resident_bytes
from samara.measurement.records.environment import SOURCES, commit_of
from samara.system.machine import detect_machine

RESULTS = Path(__file__).parent / "results" / "finetuning_memory.csv"
VARIANTS = ("mobile_sam", "vit_b", "vit_l", "vit_h")
MODES: dict[str, FineTuneSettings] = {
    "cached": FineTuneSettings(),
    "encoded in every step": FineTuneSettings(),
    "lora": FineTuneSettings(trained="lora"),
    "lora, recomputed": FineTuneSettings(trained="lora", checkpoint_blocks=True),
    "everything": FineTuneSettings(trained="everything"),
    "everything, recomputed": FineTuneSettings(trained="everything", checkpoint_blocks=True),
}
FROZEN = ("cached", "encoded in every step")


def peak_bytes() -> int:
    """Highest resident set of this process so far."""
    peak = peak_resident_bytes()
    if peak is None:
        raise SystemExit("this system does not tell peaks of memory")
    return peak


def images(folder: Path) -> list[LabelledImage]:
    """Two noisy images with eight objects each."""
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


def measure(variant: str, mode: str) -> dict[str, object]:
    """Train a step in this process."""
    torch.set_num_threads(1)
    settings = MODES[mode]
    loaded = samara.load(variant, weights="random", device="cpu", precision="float32")
    before = peak_bytes()
    with tempfile.TemporaryDirectory() as folder:
        examples = TrainingSet(loaded, examples_of(images(Path(folder))))
        cache = examples.cache(Path(folder) / "cache", Processes()) if mode == "cached" else None
        network = loaded.sam
        optimiser = torch.optim.AdamW(choose_trained(network, settings).values(), lr=settings.learning_rate)
        if settings.checkpoint_blocks:
            recompute_blocks(network.image_encoder)

        def features_of(index: int) -> torch.Tensor:
            if cache is not None:
                return cache[index][None]
            with torch.set_grad_enabled(mode not in FROZEN):
                features: torch.Tensor = network.image_encoder(examples.network_input(index))
            return features

        started, began = time.process_time(), time.perf_counter()
        add_gradients_of_images(
            network,
            examples,
            (0, 1),
            features_of,
            settings,
            generator_of=torch.Generator().manual_seed,
            processes=Processes(),
        )
        optimiser.step()
        duration, elapsed = time.process_time() - started, time.perf_counter() - began
    return {
        "variant": variant,
        "mode": mode,
        "additional_peak_bytes": peak_bytes() - before,
        "core_seconds_per_step": round(duration, 1),
        "seconds_per_step": round(elapsed, 1),
        "objects_per_step": examples.objects,
        "predictions_per_object": 1 + settings.simulation.rounds + settings.simulation.rounds_without_points,
        "input_size": loaded.input_size,
        "machine": detect_machine().title,
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
            append(measure(variant, mode))
        case names:
            modes = [name for name in names if name in MODES]
            for variant in [name for name in names if name not in MODES] or VARIANTS:
                start(variant, modes or FROZEN)


def start(variant: str, modes: Sequence[str]) -> None:
    """Measure modes of a variant; one that does not fit into memory is told and leaves no row."""
    for mode in modes:
        if subprocess.run([sys.executable, __file__, "--one", variant, mode]).returncode:
            print(f"{variant}, {mode}: no result")


if __name__ == "__main__":
    main()
