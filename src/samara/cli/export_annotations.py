"""`samara export-annotations`: the annotations of a store in other formats."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from samara.cli.options import (
    categories_option,
    export_images_option,
    label_studio_prefix_option,
    only_categories_option,
    split_option,
)
from samara.cli.settings_options import Command, in_place_of
from samara.datasets.formats import WRITERS
from samara.datasets.writing.options import USUAL_FORMAT, Images, WriterOptions
from samara.errors import SettingsError

if TYPE_CHECKING:
    from samara.annotation.store.store import AnnotationStore
    from samara.datasets.writing.category_choice import CategoryChoice
    from samara.datasets.writing.staged_writer import Losses


class Writing(NamedTuple):
    """The options about written annotations.

    Attributes:
        options: those of the writers.
        categories: chosen categories; None for those of the store.
    """

    options: WriterOptions
    categories: CategoryChoice | None


def read_writing(
    export_images: Images,
    split: str | None,
    categories: str | None,
    only_categories: bool,
    label_studio_prefix: str | None,
) -> Writing:
    """Parse a command's options about annotations.

    Raises:
        SettingsError, DatasetError: an option is invalid.
    """
    from samara.datasets.split import read_split

    options = WriterOptions(
        images=export_images,
        split=None if split is None else read_split(split),
        image_url_prefix=label_studio_prefix or "",
    )
    return Writing(options, read_categories_chosen(categories, only=only_categories))


def writes_annotations(panel: str | None, *other_flags: str) -> Callable[[Command], Command]:
    """Decorate a command: options about annotations replace the parameter `writing`, which becomes a `Writing`.

    Args:
        panel: heading of these options in the help.
        other_flags: old spellings of --export-images.
    """
    kind = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(name, kind, default=default, annotation=annotation)
        for name, default, annotation in (
            ("export_images", WriterOptions.images, Annotated[Images, export_images_option(panel, *other_flags)]),
            ("split", None, Annotated[str | None, split_option(panel)]),
            ("categories", None, Annotated[str | None, categories_option(panel)]),
            ("only_categories", False, Annotated[bool, only_categories_option(panel)]),
            ("label_studio_prefix", None, Annotated[str | None, label_studio_prefix_option(panel)]),
        )
    ]
    return in_place_of("writing", options, read_writing)


@writes_annotations(None, "--pictures")
def export_annotations(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Read the store that `samara annotate` wrote into this folder.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write the results into this folder.")],
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME,...",
            help=f"Write one or more of {', '.join(WRITERS)}.",
        ),
    ] = USUAL_FORMAT,
    *,
    writing: Writing,
    partial: Annotated[bool, typer.Option("--partial", help="Export an incomplete store as far as it goes.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what samara wrote there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Export the annotations of a store to other formats, streaming, in one pass.

    Example: samara export-annotations masks --format coco,yolo --export-images link --split 0.1 --out exported
    """
    from samara.annotation import exporting
    from samara.annotation.store.store import open_store
    from samara.datasets.formats import FormatsRefused

    options, chosen = replace(writing.options, overwrite=overwrite), writing.categories
    refused: FormatsRefused | None = None
    opened = open_store(store)
    try:
        losses = exporting.export_annotations(
            opened, out=out, formats=names_in(formats), options=options, categories=chosen, partial=partial
        )
    except FormatsRefused as error:
        refused, losses = error, dict(error.losses)
    show(losses, out, opened, as_json=as_json)
    tell_unsaid(losses, options, chosen)
    if refused is not None:
        raise refused


def show(losses: dict[str, Losses], out: Path, store: AnnotationStore, *, as_json: bool) -> None:
    """Print what was written, and on stderr what no export contains."""
    _, _, quarantined = store.counts()
    if as_json:
        typer.echo(json.dumps({"out": str(out), "losses": losses_shown(losses), "quarantined": quarantined}))
    else:
        tell_losses(losses, out)
    tell_quarantined(quarantined, store.folder)


def read_categories_chosen(categories: str | None, *, only: bool) -> CategoryChoice | None:
    """Parse --categories and --only-categories.

    Raises:
        SettingsError, DatasetError: a value is invalid.
    """
    from samara.datasets.writing.category_choice import read_categories

    if categories is None:
        if only:
            raise SettingsError("--only-categories needs --categories; add it, or drop --only-categories")
        return None
    return read_categories(categories, only=only)


def names_in(text: str | None) -> tuple[str, ...]:
    """Split a comma-separated text into names."""
    return () if text is None else tuple(name.strip() for name in text.split(","))


def losses_shown(losses: dict[str, Losses]) -> dict[str, dict[str, Any]]:
    """Return the losses as plain values for JSON."""
    return {name: asdict(one) for name, one in losses.items()}


def tell_losses(losses: dict[str, Losses], out: Path) -> None:
    """Print what was written and what each format lost."""
    for name, one in losses.items():
        kept = "lossless" if not one.changed else f"{one.changed:,} masks differ, mean IoU {one.mean_iou:.4f}"
        typer.echo(f"{name} in {out}: {one.masks:,} masks, {kept}")
        if one.unplaced:
            sys.stderr.write(
                f"samara: {name}: {one.unplaced:,} images are not georeferenced, so their coordinates are pixels; "
                "GIS programs will read them as longitude and latitude\n"
            )


def tell_quarantined(count: int, store: Path) -> None:
    """Report on stderr how many images the exports leave out."""
    if count:
        which = "1 quarantined image is" if count == 1 else f"{count:,} quarantined images are"
        sys.stderr.write(
            f"samara: {store}: {which} left out of the export; `samara annotate ... --resume --retry` retries them\n"
        )


def tell_unsaid(written: Iterable[str], options: WriterOptions, chosen: CategoryChoice | None) -> None:
    """Report on stderr what the exported files do not show.

    Args:
        written: names of the formats.
        options: the writers' options.
        chosen: chosen categories, after the export.
    """
    if not options.image_url_prefix and any(name.startswith("label-studio") for name in written):
        sys.stderr.write(
            "samara: the tasks name images by file name only; use --label-studio-prefix to prepend the address at "
            "which Label Studio finds them\n"
        )
    if chosen is not None and chosen.left_out:
        counts = ", ".join(f"{name!r} ({count:,})" for name, count in chosen.left_out.items())
        masks = sum(chosen.left_out.values())
        sys.stderr.write(f"samara: {masks:,} masks were left out by --only-categories: {counts}\n")
    if chosen is not None and chosen.missing:
        sys.stderr.write(f"samara: no mask has a category of --categories: {', '.join(map(repr, chosen.missing))}\n")
