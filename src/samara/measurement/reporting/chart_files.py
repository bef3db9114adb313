"""Charts as files of their own: SVG and PDF."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from samara.system.files import require_folder, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Drawing:
    """Chart as a file.

    Attributes:
        name: name of the file without ending.
        description: description for screen readers.
        draw: what draws it.
        tips: tooltips, see `samara.measurement.reporting.drawing.as_svg`.
    """

    name: str
    description: str
    draw: Callable[[], Axes]
    tips: Sequence[str] = ()


def write_charts(folder: Path, charts: Iterable[Drawing]) -> list[Path]:
    """Write charts as SVG and PDF; return the files.

    Args:
        folder: folder of the files, created if necessary.
        charts: the charts.

    Raises:
        OutputError: a file cannot be written.
    """
    from samara.measurement.reporting.drawing import as_pdf, as_svg, drawn_alike

    require_folder(folder)
    written = []
    for one in charts:
        with drawn_alike():
            svg, pdf = as_svg(one.draw(), one.description, one.tips, standalone=True), as_pdf(one.draw())
        for ending, content in ((".svg", svg.encode("utf-8", errors="replace")), (".pdf", pdf)):
            write_atomically(path := folder / f"{one.name}{ending}", content)
            written.append(path)
    return written


def plain_name(text: str) -> str:
    """Return a text as part of a file name: lower-case letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-.") or "images"
