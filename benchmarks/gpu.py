"""Everything that this project claims of a GPU, measured by one command on a machine with one:

    PYTHONPATH=src python -m benchmarks.gpu

It needs this repository and PyTorch, no network, and of samara's requirements numpy, pillow, opencv-python-headless,
pycocotools, safetensors, filelock, platformdirs, httpx and xxhash; pytest and hypothesis for the tests, pyarrow for
`annotate`. The official code (`segment_anything` with torchvision, from PyPI) and `transformers` take part where they
are installed. What is missing is left out, with a line that says so.

Rows come in the order of importance, and none starts for which too little of `--seconds` is left. Every figure goes at
once to `results/gpu.csv`, with its ratio to the official code in the same run, its goal, the device, PyTorch's version
and the commit. `--device cpu --quick` runs the same code on a small network, to see that it works.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.gpu_rows import REFERENCE, Figure, Row, Run, first_call, meets, rows
from benchmarks.rows import add_rows

RESULTS = Path(__file__).parent / "results" / "gpu.csv"
SECONDS = 480.0
REQUIRED = {
    "numpy": "numpy",
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "pycocotools": "pycocotools",
    "safetensors": "safetensors",
    "filelock": "filelock",
    "platformdirs": "platformdirs",
    "httpx": "httpx",
    "xxhash": "xxhash",
}
"""What samara needs for these works: the module, and the distribution that has it."""


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="default: cuda")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"time for all; default: {SECONDS:g}")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose name contains it")
    parser.add_argument("--skip", metavar="TEXT", help="no rows whose name contains it")
    parser.add_argument("--quick", action="store_true", help="small networks and few calls, to try the code")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV that rows are added to")
    parser.add_argument("--first-call", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def asked_rows(asked: argparse.Namespace) -> list[Row]:
    """Rows that `--only` and `--skip` leave."""
    wanted = [row for row in rows() if asked.only in row.work]
    return [row for row in wanted if asked.skip is None or asked.skip not in row.work]


def missing() -> list[str]:
    """Distributions that samara needs here and that are not installed."""
    return [name for module, name in REQUIRED.items() if importlib.util.find_spec(module) is None]


def device_name(device: str) -> str:
    """The GPU by its name, the processor by its own."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    from samara.system.machine import processor_name

    return f"{processor_name()}, {device}"


def facts_of(arguments: argparse.Namespace) -> dict[str, object]:
    """What holds for all rows."""
    from benchmarks.speed import commit

    return {
        "device": device_name(arguments.device),
        "torch": torch.__version__,
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
        "quick": arguments.quick,
    }


def measured(row: Row, run: Run) -> Iterator[Figure]:
    """The figures of a row; one figure without a number if it is left out or fails."""
    if run.remaining_s() < (5 if run.quick else row.least_s):
        yield Figure("all", None, f"left out: {max(0.0, run.remaining_s()):.0f} s are left, it takes {row.least_s:.0f}")
        return
    try:
        yield from row.measure(run)
    except Exception as error:  # noqa: BLE001 - one row must not take the others with it
        yield Figure("all", None, f"failed: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}")


def line(row: Row, figure: Figure, reference: float | None) -> dict[str, object]:
    """A figure as a line of the CSV."""
    ratio, met = None, meets(row, figure)
    if reference and figure.value:
        ratio = reference / figure.value if row.lower else figure.value / reference
    return {
        "work": row.work,
        "contender": figure.contender,
        "value": _number(figure.value),
        "unit": row.unit,
        "times_as_good_as_official": _number(ratio),
        "goal": "" if row.goal is None else f"{'at most' if row.lower else 'at least'} {_number(row.goal)}",
        "meets_goal": "" if met is None else "yes" if met else "no",
        "peak_gb_above_weights": _number(figure.peak_gb),
        "first_call_s": _number(figure.first_s),
        "note": figure.note,
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; the exit status is 1 if nothing could be measured."""
    asked = parsed(arguments)
    if asked.first_call is not None:
        print(first_call(asked.first_call, asked.device))
        return 0
    if absent := missing():
        print(f"samara needs {', '.join(absent)} for these rows, and they are not installed: nothing was measured")
        return 1
    if torch.device(asked.device).type == "cuda" and not torch.cuda.is_available():
        print("PyTorch sees no CUDA GPU: nothing was measured; --device cpu --quick tries the code")
        return 1
    ends = time.perf_counter() + asked.seconds
    facts, found = facts_of(asked), 0
    print(f"{facts['device']}, torch {facts['torch']}, commit {facts['commit']}, {asked.seconds:g} s")
    with TemporaryDirectory() as folder:
        run = Run(asked.device, asked.quick, Path(folder), lambda: ends - time.perf_counter())
        for row in asked_rows(asked):
            found += write(row, run, asked.out, facts)
    print(f"{found} figures in {asked.out}")
    return 0 if found else 1


def write(row: Row, run: Run, out: Path, facts: dict[str, object]) -> int:
    """Print and write the figures of a row as they come; how many have a number."""
    reference, found = None, 0
    if run.quick:
        row = replace(row, goal=None)  # which is about large networks
    for figure in measured(row, run):
        reference = figure.value if figure.contender == REFERENCE else reference
        found += figure.value is not None
        told = line(row, figure, reference)
        add_rows(out, [told | facts])
        shown = (told["value"] and f"{told['value']} {row.unit}", told["goal"], told["meets_goal"], told["note"])
        print(f"{row.work:36} {figure.contender:34} {'; '.join(str(part) for part in shown if part)}", flush=True)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
