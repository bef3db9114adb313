"""Samara beside its peers: same weights, same picture, in turns, in one run.

    python benchmarks/speed.py                              # whoever is installed here
    python benchmarks/speed.py --contenders samara,segment-anything --work encode,decode --rounds 5

`segment-anything` needs torchvision, and so an environment of its own, with the newest torch and torchvision:

    python -m venv peers && peers/bin/pip install torch torchvision segment-anything openvino onnxruntime onnx
    peers/bin/pip install -e .
    peers/bin/python benchmarks/speed.py

Writes one row per contender and work to `results/speed.csv`: the median, the ratio to segment-anything in the same
run, the peak of memory, how well the masks agree, and machine, versions and commit. Contenders take turns, so that a
busy moment of the machine hits all of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.contenders import CONTENDERS, PICTURE, SIDE, Weights, Work, missing, weights_for
from samara.automatic.settings import AutomaticSettings
from samara.machine import detect
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle

RESULTS = Path(__file__).parent / "results" / "speed.csv"
WORKS = ("encode", "decode", "everything")
REFERENCE = "segment-anything"


def jobs(work: Work) -> dict[str, Callable[[], object]]:
    """What is timed."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1, 3, SIDE, SIDE, generator=generator)
    points = torch.rand(64, 2, generator=generator) * SIDE
    return {
        "encode": lambda: work.encode(images),
        "decode": lambda: work.decode(points),
        "everything": work.everything,
    }


def in_turns(contenders: dict[str, Work], name: str, rounds: int) -> tuple[dict[str, list[float]], dict[str, object]]:
    """Seconds of each contender in each round, after one call that does not count, and what it gave last."""
    seconds: dict[str, list[float]] = {contender: [] for contender in contenders}
    results: dict[str, object] = {}
    if name != "everything":  # its first call is long enough not to matter
        for work in contenders.values():
            jobs(work)[name]()
    for _ in range(rounds):
        for contender, work in contenders.items():
            started = time.perf_counter()
            results[contender] = jobs(work)[name]()
            seconds[contender].append(time.perf_counter() - started)
            print(f"{name:10} {contender:20} {seconds[contender][-1]:8.2f} s", flush=True)
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


def peak_of(contender: str, arguments: argparse.Namespace) -> float:
    """GB that a process needs for everything with that contender alone, 8 × 8 points: prompts pass in batches."""
    command = [sys.executable, "-m", "benchmarks.speed", "--peak-of", contender, "--variant", arguments.variant]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def settings_of(arguments: argparse.Namespace, points: int) -> AutomaticSettings:
    return AutomaticSettings(
        points_per_side=points, pred_iou_thresh=arguments.iou, stability_score_thresh=arguments.stability
    )


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def rows_of(name: str, seconds: dict[str, list[float]], results: dict[str, object], facts: dict[str, object]):
    """One row per contender."""
    medians = {contender: statistics.median(of_one) for contender, of_one in seconds.items()}
    for contender, median in medians.items():
        row = {"work": name, "contender": contender, "median_s": f"{median:.3f}", "rounds": len(seconds[contender])}
        row["fastest_s"], row["slowest_s"] = (
            f"{value:.3f}" for value in (min(seconds[contender]), max(seconds[contender]))
        )
        row["times_as_fast_as_reference"] = f"{medians[REFERENCE] / median:.2f}" if REFERENCE in medians else ""
        row |= {"masks": "", "worst_iou_both_ways": "", "share_above_0.9": ""}
        if name == "everything" and REFERENCE in results:
            row |= agreement(results[contender], results[REFERENCE])
        yield row | facts


def write(rows: list[dict[str, object]]) -> None:
    """Add rows to the results."""
    is_new = not RESULTS.exists()
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        if is_new:
            writer.writeheader()
        writer.writerows(rows)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--work", default=",".join(WORKS))
    parser.add_argument("--variant", default="vit_b")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--points", type=int, default=32, help="points per side for everything")
    parser.add_argument("--iou", type=float, default=0.25, help="predicted IoU from which a mask is kept")
    parser.add_argument("--stability", type=float, default=0.5, help="stability score from which a mask is kept")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure, print and write."""
    arguments = parsed()
    if arguments.peak_of:
        weights = weights_for(arguments.variant, settings_of(arguments, 8))
        CONTENDERS[arguments.peak_of][1](weights).everything()
        print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9))
        return
    weights: Weights = weights_for(arguments.variant, settings_of(arguments, arguments.points))
    contenders: dict[str, Work] = {}
    for name in arguments.contenders.split(","):
        if missing(name):
            print(f"{name}: left out, {', '.join(missing(name))} not installed")
        else:
            contenders[name] = CONTENDERS[name][1](weights)
    machine = detect()
    facts = {
        "variant": arguments.variant,
        "picture": PICTURE.name,
        "points": arguments.points**2,
        "pred_iou_thresh": arguments.iou,
        "stability_score_thresh": arguments.stability,
        "machine": machine.title,
        "versions": " ".join(f"{library} {version}" for library, version in machine.versions.items()),
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
    }
    for name in arguments.work.split(","):
        able = {one: work for one, work in contenders.items() if name == "encode" or one != "ONNX Runtime"}
        seconds, results = in_turns(able, name, arguments.rounds)
        write(list(rows_of(name, seconds, results, facts)))


if __name__ == "__main__":
    main()
