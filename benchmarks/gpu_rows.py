"""What `gpu.py` measures: a row for each work, with its goal and its contenders, in the order of importance."""

from __future__ import annotations

import csv
import functools
import importlib.util
import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.gpu_timing import Timed, forget, timed

OFFICIAL = "segment-anything"
REFERENCE = f"{OFFICIAL} float32"
"""What ratios are to: the official code in the same run."""

MOST_GB = 4.0
"""Goal: peak memory above the weights, in any work."""

FIRST_CALL_S = 15.0
"""Goal: the first call of a compiled encoder."""

TWO_CORES = Path(__file__).parent / "results" / "finetuning_memory.csv"


@dataclass(frozen=True)
class Run:
    """What holds for all rows.

    Attributes:
        device: "cuda", "cpu" or another device of torch.
        quick: small networks, few images and calls, to try the code itself.
        folder: for weights and images.
        remaining_s: seconds that are left of the budget.
    """

    device: str
    quick: bool
    folder: Path
    remaining_s: Callable[[], float]

    @property
    def side(self) -> int:
        """Side of the network input."""
        return 64 if self.quick else 1024

    @property
    def points_per_side(self) -> int:
        """Side of the grid of everything."""
        return 3 if self.quick else 32

    def time(self, work: Callable[[], object]) -> Timed:
        """Time a work, less thoroughly if it is to be quick."""
        return timed(work, self.device, calls=1 if self.quick else 10, seconds=0.0 if self.quick else 4.0)


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        contender: whose it is.
        value: the number, in the unit of its row; None if it was left out.
        note: why it was left out, or what else was seen.
        peak_gb: peak memory above the weights.
        first_s: seconds of the first call.
        meets: whether further goals are met; None without any.
    """

    contender: str
    value: float | None
    note: str = ""
    peak_gb: float | None = None
    first_s: float | None = None
    meets: bool | None = None


@dataclass(frozen=True)
class Row:
    """One work.

    Attributes:
        work: its name.
        unit: unit of its figures.
        measure: gives the figures one after the other, the official code's first.
        goal: what samara's figure should reach; None for none.
        lower: whether less is better.
        least_s: seconds that have to be left for it to start.
    """

    work: str
    unit: str
    measure: Callable[[Run], Iterator[Figure]] = field(repr=False)
    goal: float | None = None
    lower: bool = True
    least_s: float = 20.0


Contender = tuple[str, tuple[str, ...], Callable[[Any], Any]]
"""Name, what has to be installed, and how it is made of `contenders.Weights`."""

PEERS = ("segment_anything", "torchvision")


def _official(precision: str) -> Contender:
    def make(weights: Any) -> Any:
        from benchmarks.contenders import official

        return official(weights, precision)

    return f"{OFFICIAL} {precision}", PEERS, make


def _transformers(precision: str) -> Contender:
    def make(weights: Any) -> Any:
        from benchmarks.contenders import transformers_network

        return transformers_network(weights, precision)

    return f"transformers {precision}", ("transformers",), make


def _samara(precision: str, engine: str = "torch") -> Contender:
    def make(weights: Any) -> Any:
        from benchmarks.contenders import ours

        return ours(weights, engine, precision)

    return f"samara {precision}" + ("" if engine == "torch" else " compiled"), (), make


@functools.cache
def weights_of(run: Run, variant: str) -> Any:
    """The weights that all contenders share; when it is to be quick, samara_mini's own at a small size."""
    from benchmarks.contenders import Weights, weights_for
    from samara.segmentation.automatic.settings import AutomaticSettings

    settings = AutomaticSettings(points_per_side=run.points_per_side, pred_iou_thresh=0.33, stability_score_thresh=0.7)
    if not run.quick:
        return weights_for(variant, settings, run.folder).on(run.device)
    import samara
    from benchmarks.contenders import IMAGE

    mini = samara.load("samara_mini", device="cpu", precision="float32", input_size=run.side)
    content = samara.Predictor(mini).embed(IMAGE).features[None]
    return Weights(variant, Path(mini.provenance.path or ""), content, settings, side=run.side).on(run.device)


def figures(
    run: Run, variant: str, contenders: list[Contender], figure: Callable[[str, Any], Figure | None]
) -> Iterator[Figure]:
    """Make each contender, take its figure, and free it before the next, so that peaks are its own."""
    weights = weights_of(run, variant)
    for name, needs, make in contenders:
        if why := _why_not(run, name, needs):
            yield Figure(name, None, why)
            continue
        try:
            found = figure(name, make(weights))
        except (RuntimeError, TypeError, ValueError) as error:  # one contender must not end the run
            found = Figure(name, None, f"failed: {(str(error).strip() or type(error).__name__).splitlines()[0]}")
        if found is not None:
            yield found
        forget()


def _why_not(run: Run, name: str, needs: tuple[str, ...]) -> str:
    absent = [module for module in needs if importlib.util.find_spec(module) is None]
    if absent:
        return f"left out: {', '.join(absent)} not installed"
    if run.quick and needs:
        return "left out: it has no small network"
    if torch.device(run.device).type == "cpu" and name.endswith(("compiled", " float16")):
        return "left out: not on a processor"
    return "left out: no time" if run.remaining_s() < 5 else ""


def everything(run: Run, variant: str, precisions: tuple[str, ...]) -> Iterator[Figure]:
    """Everything in truck.jpg, seconds; masks compared with the official ones."""
    from benchmarks.speed import agreement

    expected: dict[str, Any] = {}  # the first contender's masks: the official ones, where they are to be had

    def figure(name: str, work: Any) -> Figure:
        taken = run.time(work.everything)
        masks: Any = taken.result
        note, agrees = f"masks {len(masks)}", None
        for reference, theirs in expected.items():
            same = agreement(masks, theirs)
            told = ", ".join(f"{what} {value}" for what, value in same.items() if value != "")
            note, agrees = f"{told}, beside {reference}", _agrees(name, same)
        if not expected:
            expected[name] = masks
        return Figure(name, taken.median_s, note, taken.peak_gb, taken.first_s, agrees)

    contenders = [_official("float32"), *map(_samara, precisions)]
    yield from figures(run, variant, contenders, figure)


def _agrees(name: str, same: dict[str, object]) -> bool | None:
    """Goals: float32 the identical set at IoU 0.999, 16 bits 95 % matched at IoU 0.9, both ways."""
    if not name.startswith("samara") or same["share_above_0.9"] == "":
        return None
    if "float32" in name:
        return float(str(same["worst_iou_both_ways"])) >= 0.999
    return float(str(same["share_above_0.9"])) >= 0.95


def encoder(run: Run, variant: str, contenders: list[Contender], batch: int) -> Iterator[Figure]:
    """The image encoder on a batch, images per second."""
    size = 2 if run.quick else batch
    images = torch.randn(size, 3, run.side, run.side, generator=torch.Generator().manual_seed(0)).to(run.device)

    def figure(name: str, work: Any) -> Figure:
        taken = run.time(lambda: work.encode(images))
        starts_soon = taken.first_s <= FIRST_CALL_S if "compiled" in name else None
        note = f"batch of {size}"
        return Figure(name, size / taken.median_s, note, taken.peak_gb, taken.first_s, starts_soon)

    yield from figures(run, variant, contenders, figure)


def clicks(run: Run, count: int) -> Iterator[Figure]:
    """Clicks on an embedding, to low-res logits of three masks each, seconds."""
    points = torch.rand(count, 2, generator=torch.Generator().manual_seed(0)) * run.side
    contenders = [_official("float32"), _official("bfloat16"), _transformers("float32")]
    contenders += [_samara("float32"), _samara("bfloat16")]

    def figure(name: str, work: Any) -> Figure:
        taken = run.time(lambda: work.decode(points))
        return Figure(name, taken.median_s, "", taken.peak_gb, taken.first_s)

    yield from figures(run, "vit_b", contenders, figure)


def second_process(run: Run, variant: str) -> Iterator[Figure]:
    """The first call of a compiled encoder in a second process, after one that filled the cache on disk."""
    name = "samara bfloat16 compiled"
    if why := _why_not(run, name, ()):
        yield Figure(name, None, why)
        return
    weights_of(run, variant)
    command = [sys.executable, "-m", "benchmarks.gpu", "--first-call", str(run.folder / f"{variant}.safetensors")]
    command += ["--device", run.device]
    seconds = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=max(1.0, run.remaining_s()))
        if done.returncode:
            yield Figure(name, None, f"failed: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
            return
        seconds.append(float(done.stdout.splitlines()[-1]))
    yield Figure(name, seconds[1], f"first process {seconds[0]:.1f} s", first_s=seconds[0])


def first_call(file: Path, device: str) -> float:
    """Seconds of the first call of a compiled encoder on a batch of 8; the part of `second_process` in the process."""
    import samara
    from samara.engines.open import open_engine

    loaded = samara.load(file, device=device, engine="torch-compile", precision="bfloat16")
    images = torch.randn(8, 3, loaded.input_size, loaded.input_size, device=device)
    engine = open_engine(loaded)
    return timed(lambda: engine.encode(images), device, calls=1, seconds=0.0).first_s


def fine_tuning_step(run: Run) -> Iterator[Figure]:
    """A step of `samara finetune` from cached embeddings, 2 images of 8 objects: seconds and waits for the host."""
    two_cores = None if run.quick else _two_core_seconds()
    if two_cores is not None:
        yield Figure("samara float32 on two cores", two_cores, f"from results/{TWO_CORES.name}")
    for precision in ("float32",) if run.quick else ("float32", "bfloat16"):
        name = f"samara {precision}"
        if why := _why_not(run, name, ()):
            yield Figure(name, None, why)
            continue
        with TemporaryDirectory() as folder:
            step = _step(run, Path(folder), precision)
            taken = run.time(step)
            waits = _waits(step) if torch.device(run.device).type == "cuda" else None
        note = "" if waits is None else f"{waits} waits for the host in a step"
        yield Figure(name, taken.median_s, note, taken.peak_gb, taken.first_s, None if waits is None else not waits)
        forget()


def _two_core_seconds() -> float:
    """Fastest step of ViT-B that was measured on two cores."""
    with TWO_CORES.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["variant"], row["mode"]) == ("vit_b", "cached")]
    return min(float(row["seconds_per_step"]) for row in rows if row["seconds_per_step"])


def _step(run: Run, folder: Path, precision: str) -> Callable[[], object]:
    import samara
    from benchmarks.finetuning_memory import images
    from samara.finetuning.examples import examples_of
    from samara.finetuning.processes import Processes
    from samara.finetuning.settings import FineTuneSettings
    from samara.finetuning.step import add_gradients_of_images
    from samara.finetuning.trained_weights import choose_trained
    from samara.finetuning.training_set import TrainingSet

    settings = replace(FineTuneSettings(), precision="bfloat16" if precision == "bfloat16" else "float32")
    name, size = ("samara_mini", run.side) if run.quick else ("vit_b", None)
    loaded = samara.load(name, weights="random", device=run.device, precision="float32", input_size=size)
    examples = TrainingSet(loaded, examples_of(images(folder)))
    cache = examples.cache(folder / "cache", Processes())
    parameters = choose_trained(loaded.sam, settings)
    optimiser = torch.optim.AdamW(parameters.values(), lr=settings.learning_rate)

    def step() -> None:
        add_gradients_of_images(
            loaded.sam,
            examples,
            range(len(examples)),
            lambda index: cache[index][None].to(run.device),
            settings,
            generator_of=torch.Generator().manual_seed,
            processes=Processes(),
        )
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def _waits(step: Callable[[], object]) -> int:
    """How often the device makes the host wait in a step."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(one.message) for one in seen)


def rows() -> list[Row]:
    """All rows of the goals, the most important first."""
    from benchmarks.gpu_annotation import annotation
    from benchmarks.gpu_profile import profile
    from benchmarks.gpu_tests import tests

    in_16_bits = ("float32", "bfloat16", "float16")
    masks_b = partial(everything, variant="vit_b", precisions=in_16_bits)
    masks_h = partial(everything, variant="vit_h", precisions=in_16_bits[:2])
    second = partial(second_process, variant="vit_b")
    return [
        Row("everything, ViT-B", "s", masks_b, 0.15, least_s=30),
        _encoder_row("ViT-B", PLAIN, 220, 20),
        Row("64 clicks", "s", partial(clicks, count=64), 0.005),
        Row("one click", "s", partial(clicks, count=1), 0.0015),
        Row("tests", "failed", tests, 0, least_s=45),
        Row("profile of everything, ViT-B", "s", profile),
        _encoder_row("ViT-B", COMPILED, 350, 60),
        Row("everything, ViT-H", "s", masks_h, 0.22, least_s=45),
        _encoder_row("ViT-H", PLAIN, 50, 45),
        Row("fine-tuning step, 16 objects", "s", fine_tuning_step, _two_core_seconds() / 10, least_s=25),
        Row("annotate, ViT-B", "images/s", annotation, 6, lower=False, least_s=45),
        _encoder_row("ViT-H", COMPILED, 75, 75),
        Row("first compiled call of a second process, ViT-B", "s", second, FIRST_CALL_S, least_s=60),
    ]


PLAIN = (
    _official("float32"),
    _official("bfloat16"),
    _official("float16"),
    _transformers("bfloat16"),
    _samara("float32"),
    _samara("bfloat16"),
)
COMPILED = (_samara("bfloat16", "torch-compile"),)


def _encoder_row(title: str, contenders: tuple[Contender, ...], goal: float, least_s: float) -> Row:
    variant = title.lower().replace("-", "_")
    form = "compiled, " if contenders is COMPILED else ""
    measure = partial(encoder, variant=variant, contenders=list(contenders), batch=8)
    return Row(f"encoder, batch 8, {form}{title}", "images/s", measure, goal, lower=False, least_s=least_s)


def meets(row: Row, figure: Figure) -> bool | None:
    """Whether a figure of samara reaches its goals; None if it has none, or is another's."""
    if figure.value is None or not math.isfinite(figure.value) or not figure.contender.startswith("samara"):
        return None
    judged = [figure.meets] if figure.meets is not None else []
    if row.goal is not None:
        judged.append(figure.value <= row.goal if row.lower else figure.value >= row.goal)
    if figure.peak_gb is not None:
        judged.append(figure.peak_gb <= MOST_GB)
    return all(judged) if judged else None
