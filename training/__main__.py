"""`python -m training`: pack the data, train legs, measure, ship."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from samara.checkpoints.load import METADATA_KEY, load
from samara.checkpoints.save import save_checkpoint
from samara.measurement.evaluation.adapters import model_under_test
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import Measure
from samara.networks.variants import VARIANTS
from training.baselines import BASELINES
from training.evaluation import evaluate_domain
from training.leg import LegSettings, Training, run_leg
from training.packed_set import pack, read_packed
from training.validation import split, validate_by_domain

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Train the embedded checkpoint.")


@app.command("pack")
def pack_command(
    folder: Annotated[Path, typer.Argument(help="Folder with one sub-folder per source, each with instances.json.")],
    out: Annotated[Path, typer.Argument(help="The packed file.")],
    side: Annotated[int, typer.Option(help="Longest side in pixels.")] = 384,
    quality: Annotated[int, typer.Option(help="Of the JPEGs.")] = 92,
) -> None:
    """Pack the training data into one file."""
    folders = sorted(path for path in folder.iterdir() if (path / "instances.json").exists())
    pack(folders, out, longest_side=side, quality=quality)
    _tell(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


@app.command("leg")
def leg_command(
    data: Annotated[Path, typer.Argument(help="What `pack` wrote.")],
    state: Annotated[Path, typer.Argument(help="Where the training lives; gone on from if it is there.")],
    minutes: Annotated[float, typer.Option(help="How long.")],
    variant: Annotated[str, typer.Option(help="Which network.")] = "vit_t",
    size: Annotated[int, typer.Option(help="Side of the network input in pixels.")] = 256,
    images: Annotated[int, typer.Option(help="Images per step.")] = 8,
    objects: Annotated[int, typer.Option(help="Objects per image.")] = 4,
    learning_rate: Annotated[float, typer.Option(help="Of AdamW.")] = 1e-3,
    decoder_share: Annotated[float, typer.Option(help="The decoder's learning rate, of the encoder's.")] = 0.2,
    focal: Annotated[float, typer.Option(help="Weight of the focal loss.")] = 5.0,
    cross_entropy: Annotated[float, typer.Option(help="Weight of the balanced cross-entropy.")] = 0.2,
    box_noise: Annotated[float, typer.Option(help="How loose the boxes are, as a fraction of a side.")] = 0.1,
    cooldown: Annotated[bool, typer.Option(help="Let the learning rate fall to zero.")] = False,
    begin_with: Annotated[str | None, typer.Option(help="Checkpoint to begin with, by name or file.")] = None,
    frozen: Annotated[list[str] | None, typer.Option(help="Beginning of names of what stays as it is.")] = None,
    keep_statistics: Annotated[bool, typer.Option(help="Batch norms keep the statistics they came with.")] = False,
    out_state: Annotated[Path | None, typer.Option(help="Keep the state here instead, e.g. of a cooldown.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that make examples.")] = 0,
    bfloat16: Annotated[bool, typer.Option(help="Autocast.")] = False,
    compiled: Annotated[bool, typer.Option(help="Compile the encoder first.")] = False,
    device: Annotated[str, typer.Option(help="Where to train.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
) -> None:
    """Train for some minutes, then measure on images that were held back."""
    packed = read_packed(data)
    divided = split(packed)
    training = Training(VARIANTS[variant], device, seed)
    if state.exists():
        training.load(state)
    elif begin_with is not None:
        training.start_from(load(begin_with, device="cpu", precision="float32").network.state_dict())
    settings = LegSettings(
        minutes=minutes,
        size=size,
        images=images,
        objects=objects,
        learning_rate=learning_rate,
        decoder_share=decoder_share,
        focal=focal,
        cross_entropy=cross_entropy,
        box_noise=box_noise,
        frozen=tuple(frozen or ()),
        keep_statistics=keep_statistics,
        cooldown=cooldown,
        workers=workers,
        bfloat16=bfloat16,
        compiled=compiled,
        seed=seed,
    )
    run_leg(training, packed, divided.trained, settings, _tell, save_to=out_state or state)
    preprocessing = VARIANTS[variant].preprocessing
    for domain, found in validate_by_domain(training.average, packed, divided.held_back, size, preprocessing).items():
        _tell(f"held back, {domain}: {asdict(found)}")


@app.command("evaluate")
def evaluate_command(
    folder: Annotated[Path, typer.Argument(help="Folder with one sub-folder per domain, never trained on.")],
    what: Annotated[str, typer.Argument(help="A checkpoint, or a baseline: 'box as mask', 'GrabCut, flood fill'.")],
    out: Annotated[Path, typer.Argument(help="JSON file for the results.")],
    input_size: Annotated[int | None, typer.Option(help="Of a checkpoint; its own if not given.")] = None,
    objects: Annotated[int, typer.Option(help="Most objects per image.")] = 20,
    recall_images: Annotated[int, typer.Option(help="Images per source for automatic masks; 0: none.")] = 0,
    points_per_side: Annotated[int, typer.Option(help="Of the automatic masks.")] = 16,
) -> None:
    """Measure a checkpoint or a baseline on the evaluation images."""
    measures: tuple[Measure, ...] = ("centre_click", "box")
    if recall_images and what not in BASELINES:
        measures += ("everything",)
    settings = EvaluationSettings(
        measures=measures,
        objects=objects,
        everything_images=recall_images or None,
        points_per_side=points_per_side,
    )
    results: dict[str, object] = {"what": Path(what).stem, "input_size": input_size, "settings": asdict(settings)}
    for domain in sorted(path for path in folder.iterdir() if path.is_dir()):
        scores = (
            evaluate_domain(BASELINES[what], domain, settings)
            if what in BASELINES
            else evaluate_domain(
                model_under_test(load(what, input_size=input_size, precision="float32"), points_per_side),
                domain,
                settings,
            )
        )
        results[domain.name] = scores
        means = {
            measure: round(sum(score["mean"] or 0.0 for score in sources.values()) / len(sources), 3)
            for measure, sources in scores.items()
        }
        _tell(f"{domain.name}: {means}")
    out.write_text(json.dumps(results, indent=1) + "\n")


@app.command("ship")
def ship_command(
    state: Annotated[Path, typer.Argument(help="Where the training lives.")],
    out: Annotated[Path, typer.Argument(help="The checkpoint, .safetensors.")],
    variant: Annotated[str, typer.Option(help="Which network.")] = "vit_t",
) -> None:
    """Write the averaged weights as the embedded checkpoint: float16, published key names, provenance inside."""
    training = Training(VARIANTS[variant], "cpu")
    training.load(state)
    weights = training.average.state_dict()
    halved = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    save_checkpoint(out, halved, {METADATA_KEY: "samara_mini"})
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    parameters = sum(parameter.numel() for parameter in training.average.parameters())
    _tell(f"{out}: {parameters:,} parameters, {out.stat().st_size:,} bytes, sha256 {digest}")
    _tell(f"{training.step} steps, {training.images_seen} images")


def _tell(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    app()
