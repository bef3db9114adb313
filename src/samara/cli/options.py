"""Options that several commands have, so that they read the same everywhere."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from samara.checkpoints.choice import Choice
from samara.cli.sentences import as_options
from samara.cli.settings_options import Command, Setting, help_of, in_place_of
from samara.datasets.reading.findings import USUAL, ReadingRules
from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.segmentation.automatic.settings import PIXELS_PER_POINT

_LOADING = {
    one.field: one
    for one in (
        Setting(field="checkpoint", metavar="NAME|FILE", kind=str),
        Setting(field="base", metavar="NAME|FILE", kind=str | None),
        Setting(field="lora", metavar="FILE", kind=Path | None),
        Setting(field="download"),
        Setting(field="device", metavar="NAME"),
        Setting(field="precision", metavar="NAME"),
        Setting(field="engine", metavar="NAME"),
        Setting(field="hq_token_only"),
        Setting(field="input_size", metavar="PX"),
        Setting(field="weights", metavar="file|random"),
        Setting(
            field="calibration",
            metavar="PATH",
            help="Image or folder to calibrate int8 on. Repeatable.",
            kind=list[Path] | None,
            default=None,
            read=lambda paths: paths or (),
        ),
    )
}


def loading(*fields: str, panel: str | None = None, **changes: Any) -> list[Setting]:  # Any: attributes of a Setting
    """Options about the checkpoint, which read the same everywhere.

    Args:
        fields: of `Choice`.
        panel: heading in the help below which they stand.
        changes: what is other in this command.
    """
    return [replace(_LOADING[field], panel=panel, **changes) for field in fields]


def device_option(panel: str) -> Any:  # Any: typer.Option's own type
    """Where the network runs, for commands that load none.

    Args:
        panel: heading in the help below which it stands.
    """
    return typer.Option(metavar="NAME", help=help_of(Choice(), "device"), rich_help_panel=panel)


POINTS_PER_SIDE = Setting(
    field="points_per_side",
    metavar="N",
    help=f"Grid of N × N points. Default: one for every {PIXELS_PER_POINT} pixels of the network input.",
    least=1,
)
"""The grid of everything."""


def export_images_option(panel: str | None = None, *names: str) -> Any:  # Any: typer.Option's own type
    """What exports do with images; see `device_option`.

    Args:
        panel: heading in the help below which it stands.
        names: by which it is known besides.
    """
    return typer.Option(
        "--export-images",
        *names,
        metavar="none|link|copy",
        help="yolo, voc: what becomes of the images.",
        rich_help_panel=panel,
    )


def value_range_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """What is black and white; see `device_option`."""
    return typer.Option(
        metavar="BLACK,WHITE",
        help="In images of more than 8 bits, e.g. 0,4095; or auto for each image's own.",
        rich_help_panel=panel,
    )


def split_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """How exports tell training from validation; see `device_option`."""
    return typer.Option(
        metavar="X|PART=X,...",
        help="yolo, voc: the share of validation, e.g. 0.1, or train=0.8,val=0.1,test=0.1. The images' names decide, "
        "so that images added later move none.",
        rich_help_panel=panel,
    )


def categories_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Names and numbers of the categories of exports; see `device_option`."""
    return typer.Option(
        metavar="NAME,...|FILE",
        help="In the order of their numbers; 'old=new' renames. A file has one in each line (.txt), or is a data.yaml. "
        "Others follow.",
        rich_help_panel=panel,
    )


def only_categories_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Whether exports have the named categories only; see `device_option`."""
    return typer.Option(
        "--only-categories",
        help="Leave masks of categories out that --categories does not name.",
        rich_help_panel=panel,
    )


def label_studio_prefix_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Where Label Studio finds the images; see `device_option`."""
    return typer.Option(
        metavar="ADDRESS",
        help="label-studio: what stands before a file's name, e.g. '/data/local-files/?d=photos/' or s3://bucket/.",
        rich_help_panel=panel,
    )


def crowds_option(panel: str) -> Any:  # Any: typer.Option's own type
    """What COCO's crowds are; see `device_option`."""
    return typer.Option(
        "--crowds",
        metavar="ignore|objects",
        help="What annotations with iscrowd 1 are: groups, left out and counted, or objects as CVAT means them.",
        rich_help_panel=panel,
    )


def skip_bad_option(panel: str) -> Any:  # Any: typer.Option's own type
    """Whether bad annotations stop the command; see `device_option`."""
    return typer.Option(
        "--skip-bad-annotations",
        help="Leave out annotations that are not understood, and say how many.",
        rich_help_panel=panel,
    )


def read_rules(crowds: str, *, skip_bad: bool) -> ReadingRules:
    """Turn --crowds and --skip-bad-annotations into rules.

    Raises:
        SettingsError: --crowds is neither of its values.
    """
    if crowds not in ("ignore", "objects"):
        raise SettingsError(f"--crowds {crowds!r} is not known; use ignore or objects")
    return ReadingRules("objects" if crowds == "objects" else "ignore", skip_bad)


def warn(sentence: str) -> None:
    """Say something beside the result."""
    sys.stderr.write(f"samara: {as_options(sentence)}\n")


def frame_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Which of several frames; see `device_option`."""
    return typer.Option(
        min=0, metavar="N", help="Which frame or page, from 0, of files that hold several.", rich_help_panel=panel
    )


def read_reading(value_range: str | None, frame: int | None) -> ImageReading:
    """Turn the texts of --value-range and --frame into how images are read.

    Raises:
        SettingsError: --value-range is no range.
    """
    if value_range is None or value_range == "auto":
        return ImageReading("auto" if value_range else None, frame)
    try:
        black, white = (float(part) for part in value_range.split(","))
    except ValueError as error:
        raise SettingsError(f"--value-range {value_range!r} is not understood; write BLACK,WHITE or auto") from error
    if not black < white:
        raise SettingsError(f"--value-range {value_range!r} is not accepted; black, the first, must be the smaller")
    return ImageReading((black, white), frame)


class DataReading(NamedTuple):
    """How a command reads a data set.

    Attributes:
        rules: what becomes of crowds and of bad annotations.
        images: how its images are read.
    """

    rules: ReadingRules
    images: ImageReading


def reads_data(annotations: str, images: str | None = None) -> Callable[[Command], Command]:
    """A decorator: --crowds, --skip-bad-annotations, --value-range and --frame in place of the parameter `reading`.

    The command gets them read, as a `DataReading`.

    Args:
        annotations: heading in the help below which the first two stand.
        images: that of the other two; None for the same.
    """
    return in_place_of("reading", _data_options(annotations, annotations if images is None else images), _read_data)


def reads_images(panel: str | None = None) -> Callable[[Command], Command]:
    """A decorator: --value-range and --frame in place of the parameter `reading`, which is then an `ImageReading`."""
    return in_place_of("reading", _data_options("", panel)[2:], read_reading)


def _data_options(annotations: str, images: str | None) -> list[inspect.Parameter]:
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(name, kind, default=default, annotation=annotation)
        for name, default, annotation in (
            ("crowds", USUAL.crowds, Annotated[str, crowds_option(annotations)]),
            ("skip_bad_annotations", USUAL.skip_bad, Annotated[bool, skip_bad_option(annotations)]),
            ("value_range", AS_THEY_ARE.value_range, Annotated[str | None, value_range_option(images)]),
            ("frame", AS_THEY_ARE.frame, Annotated[int | None, frame_option(images)]),
        )
    ]


def _read_data(crowds: str, skip_bad_annotations: bool, value_range: str | None, frame: int | None) -> DataReading:
    return DataReading(read_rules(crowds, skip_bad=skip_bad_annotations), read_reading(value_range, frame))
