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
