"""Where the time goes when everything in an image is found: encoding, decoding, drawing, resizing, run lengths.

    python -m benchmarks.stages                      # measures, writes results/stages.csv
    python -m benchmarks.stages --chart              # draws docs/images/where_time_goes.png from it

Needs what `speed.py` needs, and gives the same weights to all. Functions are wrapped, so that each second counts for
the innermost stage; seconds of several threads count by their share of the cores; what no stage claims is the rest.
"""

from __future__ import annotations

import argparse
import csv
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.contenders import CONTENDERS, IMAGE, AnswersWithContent, WithContent, weights_for
from benchmarks.speed import commit, unable
from samara.engines.torch_engine import TorchEngine
from samara.segmentation.automatic import window_search
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.upsampling import Upsampling
from samara.system.machine import detect_machine

RESULTS = Path(__file__).parent / "results" / "stages.csv"
CHART = Path(__file__).parents[1] / "docs" / "images" / "where_time_goes.png"
ENCODE, DECODE, DRAW, RESIZE, RUNS, REST = (
    "encode the image",
    "decode the clicks",
    "draw masks",
    "resize and filter",
    "run lengths",
    "rest",
)
COLOURS = {ENCODE: "#0072b2", DECODE: "#e69f00", DRAW: "#cc79a7", RESIZE: "#009e73", RUNS: "#56b4e9", REST: "#9aa8b5"}


def places_of_ours() -> list[tuple[str, object, str]]:
    """Stage, and the function to wrap by where it is looked up."""
    return [
        (ENCODE, AnswersWithContent, "encode"),
        (DECODE, TorchEngine, "share"),
        (DECODE, TorchEngine, "_look_shared"),
        (DRAW, TorchEngine, "_drawn"),
        (RESIZE, Upsampling, "window"),
        (RUNS, window_search, "encode_columns"),
    ]


def places_of_official() -> list[tuple[str, object, str]]:
    """The same in the official package."""
    from segment_anything import automatic_mask_generator as generator
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    return [
        (ENCODE, WithContent, "forward"),
        (DECODE, PromptEncoder, "forward"),
        (DECODE, TwoWayTransformer, "forward"),
        (DRAW, MaskDecoder, "forward"),
        (RESIZE, Sam, "postprocess_masks"),
        (RESIZE, generator, "calculate_stability_score"),
        (RESIZE, generator, "batched_mask_to_box"),
        (RUNS, generator, "mask_to_rle_pytorch"),
    ]


PLACES = {
    "segment-anything": places_of_official,
    "samara": places_of_ours,
    "samara openvino": places_of_ours,
    "samara openvino int8": places_of_ours,
}


class Stopwatch:
    """Seconds of each stage, those of a stage within another counted for the inner one alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.main = threading.current_thread()
        self.cores = torch.get_num_threads()
        self.stacks = threading.local()
        self.lock = threading.Lock()

    def wrapped(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, measured."""

        def measured(*args: Any, **kwargs: Any) -> Any:
            self._switch(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._switch(None)

        return measured

    def _switch(self, entered: str | None) -> None:
        """Count what has passed in this thread, then enter a stage or leave the present one."""
        stack: list[str] = self.stacks.__dict__.setdefault("open", [])
        now = time.perf_counter()
        if stack:
            share = 1 if threading.current_thread() is self.main else self.cores
            with self.lock:
                self.seconds[stack[-1]] += (now - self.stacks.since) / share
        self.stacks.since = now
        if entered is None:
            stack.pop()
        else:
            stack.append(entered)


@contextmanager
def watched(places: list[tuple[str, Any, str]]) -> Iterator[Stopwatch]:
    """Wrap the functions for the time of the block."""
    watch = Stopwatch()
    with ExitStack() as patches:
        for stage, owner, name in places:
            patches.enter_context(patch.object(owner, name, watch.wrapped(stage, getattr(owner, name))))
        yield watch


def measure(contenders: list[str], variant: str, settings: AutomaticSettings) -> list[dict[str, object]]:
    """One row per contender and stage."""
    machine = detect_machine()
    rows: list[dict[str, object]] = []
    with TemporaryDirectory() as folder:
        weights = weights_for(variant, settings, Path(folder))
        for contender in contenders:
            work = CONTENDERS[contender][1](weights)
            with watched(PLACES[contender]()) as watch:
                started = time.perf_counter()
                work.everything()
                total = time.perf_counter() - started
            watch.seconds[REST] = total - sum(watch.seconds.values())
            for stage in COLOURS:
                seconds = f"{watch.seconds[stage]:.2f}"
                rows.append({"contender": contender, "stage": stage, "seconds": seconds, "of_seconds": f"{total:.2f}"})
                print(contender, stage, seconds, flush=True)
    facts = {
        "variant": variant,
        "image": IMAGE.name,
        "points": settings.points_per_side**2,
        "machine": machine.title,
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
    }
    return [row | facts for row in rows]


def draw(rows: list[dict[str, str]], path: Path) -> None:
    """Stacked bars: seconds above, shares below."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(row["contender"] for row in rows))[::-1]
    seconds = {(row["contender"], row["stage"]): float(row["seconds"]) for row in rows}
    totals = {name: sum(seconds[name, stage] for stage in COLOURS) for name in names}
    figure, panels = pyplot.subplots(2, 1, figsize=(9, 1.5 + 1.1 * len(names)), layout="constrained")
    for panel, scale in zip(panels, ({name: 1.0 for name in names}, totals), strict=True):
        left = dict.fromkeys(names, 0.0)
        for stage, colour in COLOURS.items():
            widths = [seconds[name, stage] / scale[name] for name in names]
            panel.barh(names, widths, left=list(left.values()), color=colour, label=stage, height=0.62)
            left = {name: left[name] + width for name, width in zip(names, widths, strict=True)}
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(left=False)
    for name in names:
        panels[0].annotate(f" {totals[name]:.1f} s", (totals[name], name), va="center", color="#1c2733")
    panels[0].set_xlabel("seconds")
    panels[0].set_xlim(0, 1.1 * max(totals.values()))
    panels[1].set_xlabel("share of the time")
    panels[1].set_xlim(0, 1)
    panels[1].xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        ncols=6,
        loc="outside upper center",
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
        handlelength=1.2,
    )
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, or draw what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chart", action="store_true", help="draw the chart from the results")
    parser.add_argument("--contenders", default=",".join(PLACES))
    parser.add_argument("--variant", default="vit_b")
    parser.add_argument("--points", type=int, default=32, help="points per side")
    arguments = parser.parse_args()
    if arguments.chart:
        with RESULTS.open(newline="") as file:
            draw(list(csv.DictReader(file)), CHART)
        return
    settings = AutomaticSettings(points_per_side=arguments.points, pred_iou_thresh=0.25, stability_score_thresh=0.5)
    able = [name for name in arguments.contenders.split(",") if not unable(name)]
    rows = measure(able, arguments.variant, settings)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
