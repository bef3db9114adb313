"""What `samara annotate --dry-run` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from samara.cli.options import warn

if TYPE_CHECKING:
    from samara.annotation.forecast import AnnotationForecast, Rate

_STATES = {"new": "would be created", "resumed": "would be resumed", "replaced": "would be replaced"}


def show_forecast(expected: AnnotationForecast, *, as_json: bool) -> None:
    """Print what a run would do on stdout, and what is left out of the source on stderr."""
    rate = expected.rate or measured_rate(expected)
    for sentence in expected.left_out:
        warn(sentence)
    if as_json:
        typer.echo(json.dumps(facts(expected, rate)))
        return
    for line in lines(expected, rate):
        typer.echo(line)


def lines(expected: AnnotationForecast, rate: Rate | None) -> Iterator[str]:
    """Describe a run, in one line for each of its parts."""
    yield f"{expected.out} {_STATES[expected.state]}; nothing was written, and no image was opened"
    done = f", {expected.done:,} of them done" if expected.done else ""
    yield f"images: {expected.images:,} found{done}; this run annotates {expected.to_do:,}"
    if expected.settings.asking == "everything":
        yield "asked: everything"
    else:
        yield "asked: the store's prompts" if expected.prompts is None else f"asked: {expected.prompts:,} prompts"
    yield (
        f"by: {expected.checkpoint} on {expected.device}, {expected.engine}, {expected.precision}; processes: "
        f"{expected.workers}, images per pass: {expected.batch}"
    )
    if expected.formats:
        yield f"exports: {', '.join(expected.formats)}; names and classes are accepted"
    if rate is None:
        yield "time: not known; annotate a few with --limit, and ask again with --resume"
    else:
        duration = in_units(expected.to_do * rate.seconds_per_image)
        yield f"time: about {duration}, at {rate.seconds_per_image:.2f} s per image ({rate.source})"


def facts(expected: AnnotationForecast, rate: Rate | None) -> dict[str, Any]:  # Any: JSON values
    """Return the forecast as plain values for JSON."""
    names = ("state", "images", "done", "to_do", "prompts", "left_out", "checkpoint", "device", "engine", "precision")
    return {
        "store": str(expected.out),
        **{name: getattr(expected, name) for name in (*names, "workers", "batch", "formats")},
        "rate": None if rate is None else asdict(rate),
        "seconds": None if rate is None else expected.to_do * rate.seconds_per_image,
    }


def measured_rate(expected: AnnotationForecast) -> Rate | None:
    """Look up the time of everything in an image among this machine's measurements; None for other work.

    Measured is one process and one whole image at a time, so nothing is known of several processes, tiles and crops.
    """
    settings = expected.settings
    is_measured = settings.asking == "everything" and settings.tile is None and not settings.automatic.crop_n_layers
    if not is_measured or expected.workers > 1 or settings.automatic.point_grids is not None:
        return None
    from samara.annotation.forecast import Rate
    from samara.measurement.records.history import remembered
    from samara.recommendation.expected import Running, measured_everything
    from samara.system.machine import detect_machine

    grid = settings.automatic.points_per_side
    how = (expected.device, expected.engine, expected.precision, expected.input_size)
    record = measured_everything(remembered(), Running(expected.checkpoint, *how, grid), detect_machine())
    if record is None or record.value is None:
        return None
    return Rate(record.value, f"measured here on {record.when[:10]}")


def in_units(seconds: float) -> str:
    """Return a duration in seconds, minutes, hours or days, whichever gives a number of at least two."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
