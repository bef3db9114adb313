"""Options shared by several commands, declared once."""

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
        Setting(field="preset", metavar="NAME"),
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
            help="Calibrate int8 on this image or folder. Repeatable.",
            kind=list[Path] | None,
            default=None,
            read=lambda paths: paths or (),
        ),
    )
}


def loading(*fields: str, panel: str | None = None, **changes: Any) -> list[Setting]:  # Any: attributes of a Setting
    """Build the options about the checkpoint, the same for every command.

    Args:
        fields: names of fields of `Choice`.
        panel: heading of these options in the help.
        changes: attributes that differ for this command.
    """
    return [replace(_LOADING[field], panel=panel, **changes) for field in fields]


def device_option(panel: str) -> Any:  # Any: typer.Option's own type
    """Build --device for commands that load no network.

    Args:
        panel: heading in the help below which it stands.
    """
    return typer.Option(metavar="NAME", help=help_of(Choice(), "device"), rich_help_panel=panel)


POINTS_PER_SIDE = Setting(
    field="points_per_side",
    metavar="N",
    help=f"Search with a grid of N × N points. Default: one for every {PIXELS_PER_POINT} pixels of the network input.",
    least=1,
)
"""The point grid of automatic masks."""


def export_images_option(panel: str | None = None, *names: str) -> Any:  # Any: typer.Option's own type
    """Build the option for what exports do with images.

    Args:
        panel: heading in the help below which it stands.
        names: further spellings of the option.
    """
    return typer.Option(
        "--export-images",
        *names,
        metavar="none|link|copy",
        help="Copy, link or leave out the images, for yolo and voc.",
        rich_help_panel=panel,
    )


def value_range_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Build --value-range; see `device_option`."""
    return typer.Option(
        metavar="BLACK,WHITE",
        help="Map these values to black and white in images with more than 8 bits, e.g. 0,4095; auto takes each "
        "image's own range.",
        rich_help_panel=panel,
    )


def split_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Build --split; see `device_option`."""
    return typer.Option(
        metavar="X|PART=X,...",
        help="Divide the images for yolo and voc: a validation share such as 0.1, or train=0.8,val=0.2. "
        "Images are assigned by name, so adding images later moves none.",
        rich_help_panel=panel,
    )


def categories_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Build --categories; see `device_option`."""
    return typer.Option(
        metavar="NAME,...|FILE",
        help="Number the categories in the order of these names; 'old=new' renames one. Or read the names from a file: "
        "one per line (.txt), or a data.yaml. Other categories follow.",
        rich_help_panel=panel,
    )


def only_categories_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Build --only-categories; see `device_option`."""
    return typer.Option(
        "--only-categories",
        help="Leave out masks of categories that --categories does not name.",
        rich_help_panel=panel,
    )


def label_studio_prefix_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Build --label-studio-prefix, also --image-url-prefix; see `device_option`."""
    return typer.Option(
        "--label-studio-prefix",
        "--image-url-prefix",
        metavar="ADDRESS",
        help="Put this before the file names in Label Studio's tasks, such as s3://bucket/ or '/data/local-files/?d='.",
        rich_help_panel=panel,
    )


def crowds_option(panel: str) -> Any:  # Any: typer.Option's own type
    """Build --crowds; see `device_option`."""
    return typer.Option(
        "--crowds",
        metavar="ignore|objects",
        help="Take entries with iscrowd 1 as groups to ignore, which are counted, or as objects, as CVAT writes them.",
        rich_help_panel=panel,
    )


def skip_bad_option(panel: str) -> Any:  # Any: typer.Option's own type
    """Build --skip-bad-annotations; see `device_option`."""
    return typer.Option(
        "--skip-bad-annotations",
        help="Leave out invalid annotations and report how many.",
        rich_help_panel=panel,
    )


def read_rules(crowds: str, *, skip_bad: bool) -> ReadingRules:
    """Parse --crowds and --skip-bad-annotations.

    Raises:
        SettingsError: --crowds has an unknown value.
    """
    if crowds not in ("ignore", "objects"):
        raise SettingsError(f"--crowds {crowds!r} is not known; use ignore or objects")
    return ReadingRules("objects" if crowds == "objects" else "ignore", skip_bad)


def warn(sentence: str) -> None:
    """Print a warning on stderr."""
    sys.stderr.write(f"samara: {as_options(sentence)}\n")


def frame_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """Build --frame; see `device_option`."""
    return typer.Option(
        min=0,
        metavar="N",
        help="Read this frame or page of files that hold several, counted from 0.",
        rich_help_panel=panel,
    )


def read_reading(value_range: str | None, frame: int | None) -> ImageReading:
    """Parse --value-range and --frame.

    Raises:
        SettingsError: --value-range is not a range.
    """
    if value_range is None or value_range == "auto":
        return ImageReading("auto" if value_range else None, frame)
    try:
        black, white = (float(part) for part in value_range.split(","))
    except ValueError as error:
        raise SettingsError(f"--value-range {value_range!r} is not understood; write BLACK,WHITE or auto") from error
    if not black < white:
        raise SettingsError(f"--value-range {value_range!r} is not accepted; BLACK must be less than WHITE")
    return ImageReading((black, white), frame)


class DataReading(NamedTuple):
    """How a command reads a data set.

    Attributes:
        rules: treatment of crowds and of bad annotations.
        images: how its images are read.
    """

    rules: ReadingRules
    images: ImageReading


def reads_data(annotations: str, images: str | None = None) -> Callable[[Command], Command]:
    """Decorate a command: --crowds, --skip-bad-annotations, --value-range, --frame replace the parameter `reading`.

    The command receives a `DataReading`.

    Args:
        annotations: heading of the first two in the help.
        images: heading of the other two; None for the same.
    """
    return in_place_of("reading", _data_options(annotations, annotations if images is None else images), _read_data)


def reads_images(panel: str | None = None) -> Callable[[Command], Command]:
    """Decorate a command: --value-range and --frame replace the parameter `reading`, an `ImageReading`."""
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
