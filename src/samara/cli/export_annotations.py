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
    """How a command writes annotations.

    Attributes:
        options: whatever the format.
        categories: that they have; None for those of the store.
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
    """What the options of a command say about annotations.

    Raises:
        SettingsError, DatasetError: one of them is not understood.
    """
    from samara.datasets.split import read_split

    options = WriterOptions(
        images=export_images,
        split=None if split is None else read_split(split),
        image_url_prefix=label_studio_prefix or "",
    )
    return Writing(options, read_categories_chosen(categories, only=only_categories))


def writes_annotations(panel: str | None, *other_flags: str) -> Callable[[Command], Command]:
    """A decorator: options about annotations in place of the parameter `writing`; the command gets a `Writing`.

    Args:
        panel: heading in the help below which they stand.
        other_flags: of --export-images, by which older scripts know it.
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
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Folder that `samara annotate` made.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")],
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME,...",
            help=f"{', '.join(WRITERS)}.",
        ),
    ] = USUAL_FORMAT,
    *,
    writing: Writing,
    partial: Annotated[
        bool, typer.Option("--partial", help="Also of a store that is not complete: what is there.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what samara wrote there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write the annotations of a store in other formats, streaming, in one pass.

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
    """Print what was written, and on stderr what is in no export."""
    _, _, quarantined = store.counts()
    if as_json:
        typer.echo(json.dumps({"out": str(out), "losses": losses_shown(losses), "quarantined": quarantined}))
    else:
        tell_losses(losses, out)
    tell_quarantined(quarantined, store.folder)


def read_categories_chosen(categories: str | None, *, only: bool) -> CategoryChoice | None:
    """What --categories and --only-categories say.

    Raises:
        SettingsError, DatasetError: they are not understood.
    """
    from samara.datasets.writing.category_choice import read_categories

    if categories is None:
        if only:
            raise SettingsError("--only-categories leaves out what --categories does not name; give that with it")
        return None
    return read_categories(categories, only=only)


def names_in(text: str | None) -> tuple[str, ...]:
    """The names in a text with commas."""
    return () if text is None else tuple(name.strip() for name in text.split(","))


def losses_shown(losses: dict[str, Losses]) -> dict[str, dict[str, Any]]:
    """For JSON."""
    return {name: asdict(one) for name, one in losses.items()}


def tell_losses(losses: dict[str, Losses], out: Path) -> None:
    """Say what was written, and what formats could not keep."""
    for name, one in losses.items():
        kept = "lossless" if not one.changed else f"{one.changed:,} masks differ, mean IoU {one.mean_iou:.4f}"
        typer.echo(f"{name} in {out}: {one.masks:,} masks, {kept}")
        if one.unplaced:
            sys.stderr.write(
                f"samara: {name}: {one.unplaced:,} images lie nowhere on Earth and have coordinates in pixels; "
                "programs for maps take them for longitude and latitude\n"
            )


def tell_quarantined(count: int, store: Path) -> None:
    """Say on stderr how many images of a store are in no export."""
    if count:
        which = "1 quarantined image is" if count == 1 else f"{count:,} quarantined images are"
        sys.stderr.write(
            f"samara: {store}: {which} left out of the export; `samara annotate ... --resume --retry` tries again\n"
        )


def tell_unsaid(written: Iterable[str], options: WriterOptions, chosen: CategoryChoice | None) -> None:
    """Say on stderr what nobody would see in the files of an export.

    Args:
        written: the formats.
        options: how they were written.
        chosen: the choice of categories, after the export.
    """
    if not options.image_url_prefix and any(name.startswith("label-studio") for name in written):
        sys.stderr.write(
            "samara: the tasks name images by their files alone; --label-studio-prefix puts the address before them "
            "under which Label Studio finds them\n"
        )
    if chosen is not None and chosen.left_out:
        counts = ", ".join(f"{name!r} ({count:,})" for name, count in chosen.left_out.items())
        masks = sum(chosen.left_out.values())
        sys.stderr.write(f"samara: {masks:,} masks were left out by --only-categories: {counts}\n")
    if chosen is not None and chosen.missing:
        sys.stderr.write(f"samara: no mask has a category of --categories: {', '.join(map(repr, chosen.missing))}\n")
