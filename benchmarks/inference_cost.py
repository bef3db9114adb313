"""What one encoding and one prompt cost, for every variant: time, memory, and the machine's plain matrix speed.

    python benchmarks/inference_cost.py              # every variant that samara runs
    python benchmarks/inference_cost.py vit_b vit_t
    python benchmarks/inference_cost.py vit_h:decode # without the encoder

Weights are random and images are noise: neither changes the cost. Each variant runs in a process of its own, because
peaks of one would hide the next. Appends to `results/inference_cost.csv`; `samara recommend` scales these times to
other machines by their matrix speed, and `tests/recommendation/test_costs.py` compares its table with this file.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from samara.checkpoints.catalogue import CATALOGUE
from samara.engines.engine import InputPrompts
from samara.engines.instance_engine import TorchInstanceEngine
from samara.engines.torch_engine import TorchEngine
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS, Variant
from samara.networks.yolo_seg import YoloSeg
from samara.recommendation.throughput import measure_matrix_speed
from samara.system import machine

RESULTS = Path(__file__).parent / "results" / "inference_cost.csv"
PROMPTS = 64


def additional_peak_bytes(run: Callable[[], object]) -> int:
    """Highest resident set while something runs, beyond the one before; Linux only.

    Building a network leaves a peak of its own behind, so the kernel is told to forget it first.
    """
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes("VmRSS")
    run()
    return _status_bytes("VmHWM") - before


def _status_bytes(field: str) -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def kinds(names: list[str]) -> list[tuple[str, int, str]]:
    """Variant, input size and the part that alone is asked for, of all published networks or those named."""
    published = sorted({(row.variant, row.input_size) for row in CATALOGUE if VARIANTS[row.variant].is_runnable})
    if not names:
        return [(variant, size, "") for variant, size in published]
    asked = {variant: only for variant, _, only in (each.partition(":") for each in names)}
    if unknown := asked.keys() - {variant for variant, _ in published}:
        sys.exit(f"no published network that runs is called {', '.join(sorted(unknown))}")
    return [(variant, size, asked[variant]) for variant, size in published if variant in asked]


def measure(name: str, size: int, part: str) -> dict[str, object]:
    """Measure the encoder (of a detector: its one pass) or the decoder in this process, on the CPU in float32."""
    torch.manual_seed(0)
    run = work_of(VARIANTS[name], size, part)
    peak = additional_peak_bytes(run)  # also the warm-up
    return {"seconds": _rounded(_fastest(run)), "additional_peak_bytes": peak}


def work_of(variant: Variant, size: int, part: str) -> Callable[[], object]:
    """What is measured."""
    network = build_network(variant, size).eval()
    images = torch.rand(1, 3, size, size)
    if isinstance(network, YoloSeg):
        detector = TorchInstanceEngine(network, "cpu")
        return lambda: detector.find(images)
    engine = TorchEngine(network, "cpu")
    if part == "encode":
        return lambda: engine.encode(images)
    grid, frame = variant.grid(size), variant.frame_size(size)
    features = torch.randn(1, variant.embedding_channels, grid, grid)
    prompts = _points(frame)
    return lambda: engine.decode(engine.prepare(features), prompts, frame_size=frame, multimask=True)


def _points(size: int) -> InputPrompts:
    points = torch.rand(PROMPTS, 1, 2) * size
    return InputPrompts(
        points=(points, torch.ones(PROMPTS, 1, dtype=torch.int64)),
        boxes=None,
        masks=None,
        image_of_prompt=torch.zeros(PROMPTS, dtype=torch.int64),
    )


def _fastest(run: Callable[[], object], least_s: float = 5.0) -> float:
    """Shortest duration of at least two: what else a machine does only ever adds."""
    durations: list[float] = []
    while len(durations) < 2 or sum(durations) < least_s:
        started = time.perf_counter()
        run()
        durations.append(time.perf_counter() - started)
    return min(durations)


def is_hq(name: str) -> bool:
    """Whether the variant has an HQ token."""
    return VARIANTS[name].family == "hq_sam"


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.4g}")


def child(name: str, size: int, part: str) -> dict[str, object]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--one", name, str(size), part]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure the variants that are asked for and append a row for each."""
    if sys.argv[1:2] == ["--one"]:
        name, size, part = sys.argv[2:]
        print(json.dumps(measure(name, int(size), part)))
        return
    here = machine.detect_machine()
    speed = measure_matrix_speed("cpu")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    nothing: dict[str, object] = {"seconds": "", "additional_peak_bytes": ""}
    for name, size, only in kinds(sys.argv[1:]):
        decoder = nothing if VARIANTS[name].detector else child(name, size, "decode")
        # An HQ encoder is SAM's and hands out one block's output besides: not measured twice.
        encoder = nothing if only or is_hq(name) else child(name, size, "encode")
        append(
            {
                "variant": name,
                "device": "cpu",
                "precision": "float32",
                "input_size": size,
                "encode_s": encoder["seconds"],
                "encode_peak_bytes": encoder["additional_peak_bytes"],
                "decode_1_s": decoder["seconds"] and _rounded(decoder["seconds"] / PROMPTS),
                "decode_64_peak_bytes": decoder["additional_peak_bytes"],
                "matrix_flops": float(f"{speed:.4g}"),
                "threads": torch.get_num_threads(),
                "machine": here.title,
                "torch": torch.__version__,
                "commit": commit,
                "date": time.strftime("%Y-%m-%d"),
            }
        )


def append(row: dict[str, object]) -> None:
    """Add a row to the results."""
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row), lineterminator=os.linesep)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
