"""Options that several commands have, so that they read the same everywhere."""

from __future__ import annotations

from typing import Any

import typer


def device_option(panel: str) -> Any:  # Any: typer.Option's own type
    """Where the network runs.

    Args:
        panel: heading in the help below which it stands.
    """
    return typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel=panel)


def precision_option(panel: str) -> Any:  # Any: typer.Option's own type
    """What PyTorch computes in; see `device_option`."""
    return typer.Option(metavar="NAME", help="auto, float32, bfloat16 or float16.", rich_help_panel=panel)


def points_per_side_option(panel: str) -> Any:  # Any: typer.Option's own type
    """The grid of everything; see `device_option`."""
    return typer.Option(
        min=1,
        metavar="N",
        help="Grid of N × N points. Default: one for every 32 pixels of the network input (32; samara_mini 16).",
        rich_help_panel=panel,
    )


def export_pictures_option(panel: str | None = None, *names: str) -> Any:  # Any: typer.Option's own type
    """What exports do with pictures; see `device_option`.

    Args:
        panel: heading in the help below which it stands.
        names: by which it is known besides.
    """
    return typer.Option(
        *names,
        "--export-pictures",
        metavar="none|link|copy",
        help="yolo, voc: what becomes of the pictures.",
        rich_help_panel=panel,
    )


def split_option(panel: str | None = None) -> Any:  # Any: typer.Option's own type
    """How exports tell training from validation; see `device_option`."""
    return typer.Option(
        metavar="X|PART=X,...",
        help="yolo, voc: the share of validation, e.g. 0.1, or train=0.8,val=0.1,test=0.1. The pictures' names decide, "
        "so that pictures added later move none.",
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
    """Where Label Studio finds the pictures; see `device_option`."""
    return typer.Option(
        metavar="ADDRESS",
        help="label-studio: what stands before a file's name, e.g. '/data/local-files/?d=photos/' or s3://bucket/.",
        rich_help_panel=panel,
    )
