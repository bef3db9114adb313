"""Samara beside its peers: same weights, same image, in turns, in one run.

    python -m benchmarks.speed                              # whoever is installed here
    python -m benchmarks.speed --contenders samara,segment-anything --work encode,decode --rounds 5

`segment-anything` needs torchvision, and so an environment of its own, with the newest torch and torchvision:

    python -m venv peers && peers/bin/pip install torch torchvision segment-anything transformers
    peers/bin/pip install -e '.[openvino,onnx]'
    peers/bin/python -m benchmarks.speed

and so does `sam2`, which is compared with networks of its own:

    python -m benchmarks.speed --variant sam2.1_hiera_l --contenders "sam2,samara,samara openvino" --work everything

Writes one row per contender and work to `results/speed.csv`: the median, the ratio to the official code in the same
run, how well the masks agree, and machine, versions and commit; with `--memory` also the peak of a process that does
the work alone, above what it holds when the network is loaded. Contenders take turns, so that a busy moment of the
machine hits all of them.
"""

from __future__ import annotations

import argparse
import gc
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.contenders import CONTENDERS, IMAGE, SIDE, Work, missing, weights_for
from benchmarks.rows import add_rows
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.system.devices import computes_in_bfloat16
from samara.system.machine import detect_machine

RESULTS = Path(__file__).parent / "results" / "speed.csv"
WORKS = ("encode", "decode", "everything")
REFERENCES = ("segment-anything", "sam2")
"""The official code, of SAM and of SAM 2."""


def job(work: Work, name: str) -> Callable[[], object] | None:
    """What is timed; None if the contender is not asked for it."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1, 3, SIDE, SIDE, generator=generator)
    points = torch.rand(64, 2, generator=generator) * SIDE
    if name == "encode":
        return lambda: work.encode(images)
    if name == "decode":
        return (lambda: work.decode(points)) if work.decode else None
    return work.everything


def in_turns(
    jobs: dict[str, Callable[[], object]], name: str, rounds: int
) -> tuple[dict[str, list[float]], dict[str, object]]:
    """Seconds of each contender in each round, after one call that does not count, and what it gave last."""
    seconds: dict[str, list[float]] = {contender: [] for contender in jobs}
    results: dict[str, object] = {}
    if name != "everything":  # its first call is long enough not to matter
        for run in jobs.values():
            run()
    for _ in range(rounds):
        for contender, run in jobs.items():
            started = time.perf_counter()
            results[contender] = run()
            seconds[contender].append(time.perf_counter() - started)
            print(f"{name:10} {contender:26} {seconds[contender][-1]:8.2f} s", flush=True)
    return seconds, results


def agreement(found: list[Rle], expected: list[Rle]) -> dict[str, object]:
    """How many masks of each side have their like on the other, and how alike."""
    if not found or not expected:
        return {"masks": len(found), "worst_iou_both_ways": "", "share_above_0.9": ""}
    ious = mask_iou(found, expected)
    best = [*ious.max(0), *ious.max(1)]
    return {
        "masks": len(found),
        "worst_iou_both_ways": f"{min(best):.5f}",
        "share_above_0.9": f"{sum(iou >= 0.9 for iou in best) / len(best):.4f}",
    }


def growth_of(contender: str, name: str, arguments: argparse.Namespace) -> str:
    """GB that a process of its own needs for the work above what it holds with the network loaded."""
    command = [sys.executable, "-m", "benchmarks.speed", "--growth-of", contender, "--work", name]
    command += ["--variant", arguments.variant, "--iou", str(arguments.iou), "--stability", str(arguments.stability)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return f"{float(done.stdout.splitlines()[-1]):.2f}"


def print_growth(arguments: argparse.Namespace) -> None:
    """The part of `growth_of` that runs in the process. 8 × 8 points are one batch, so more cost no more memory."""
    with tempfile.TemporaryDirectory() as folder:
        weights = weights_for(arguments.variant, settings_of(arguments, 8), Path(folder))
        run = job(CONTENDERS[arguments.growth_of][1](weights), arguments.work)
        gc.collect()
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        run()
    print((resident("VmHWM") - before) / 1e9)


def resident(line: str) -> int:
    """Bytes of this process in memory: "VmRSS" now, "VmHWM" at the peak."""
    return 1024 * int(re.search(rf"{line}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])


def settings_of(arguments: argparse.Namespace, points: int) -> AutomaticSettings:
    return AutomaticSettings(
        points_per_side=points, pred_iou_thresh=arguments.iou, stability_score_thresh=arguments.stability
    )


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def rows_of(
    name: str,
    seconds: dict[str, list[float]],
    results: dict[str, object],
    facts: dict[str, object],
    arguments: argparse.Namespace,
):
    """One row per contender."""
    medians = {contender: statistics.median(of_one) for contender, of_one in seconds.items()}
    reference = next((one for one in REFERENCES if one in medians), None)
    for contender, median in medians.items():
        row = {"work": name, "contender": contender, "median_s": f"{median:.3f}", "rounds": len(seconds[contender])}
        row["fastest_s"], row["slowest_s"] = (
            f"{value:.3f}" for value in (min(seconds[contender]), max(seconds[contender]))
        )
        row["times_as_fast_as_reference"] = f"{medians[reference] / median:.2f}" if reference else ""
        row |= {"masks": "", "worst_iou_both_ways": "", "share_above_0.9": ""}
        if name == "everything" and reference:
            row |= agreement(results[contender], results[reference])
        row["memory_gb"] = growth_of(contender, name, arguments) if arguments.memory else ""
        yield row | facts


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--work", default=",".join(WORKS))
    parser.add_argument("--variant", default="vit_b")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--points", type=int, default=32, help="points per side for everything")
    parser.add_argument("--iou", type=float, default=0.25, help="predicted IoU from which a mask is kept")
    parser.add_argument("--stability", type=float, default=0.5, help="stability score from which a mask is kept")
    parser.add_argument("--memory", action="store_true", help="also the peak of memory, in own processes (Linux)")
    parser.add_argument("--growth-of", help=argparse.SUPPRESS)
    return parser.parse_args()


def unable(name: str) -> str:
    """Why a contender takes no part here; empty if it does."""
    if absent := missing(name):
        return f"{', '.join(absent)} not installed"
    if "bfloat16" in name and not computes_in_bfloat16("cpu"):
        return "this processor does not compute in bfloat16"
    return ""


def main() -> None:
    """Measure, print and write."""
    arguments = parsed()
    if arguments.growth_of:
        print_growth(arguments)
        return
    asked = arguments.contenders.split(",")
    for name in filter(unable, asked):
        print(f"{name}: left out, {unable(name)}")
    with tempfile.TemporaryDirectory() as folder:
        weights = weights_for(arguments.variant, settings_of(arguments, arguments.points), Path(folder))
        contenders = {name: CONTENDERS[name][1](weights) for name in asked if not unable(name)}
        for name in arguments.work.split(","):
            jobs = {contender: run for contender, work in contenders.items() if (run := job(work, name))}
            seconds, results = in_turns(jobs, name, arguments.rounds)
            add_rows(RESULTS, list(rows_of(name, seconds, results, facts_of(arguments), arguments)))


def facts_of(arguments: argparse.Namespace) -> dict[str, object]:
    """What holds for all rows."""
    machine = detect_machine()
    return {
        "variant": arguments.variant,
        "image": IMAGE.name,
        "points": arguments.points**2,
        "pred_iou_thresh": arguments.iou,
        "stability_score_thresh": arguments.stability,
        "machine": machine.title,
        "versions": " ".join(f"{library} {version}" for library, version in machine.versions.items()),
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
    }


if __name__ == "__main__":
    main()
