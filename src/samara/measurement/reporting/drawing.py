"""Matplotlib figures as SVG: selectable text, the page's colours, and reproducible bytes."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from samara.system.templates import PALETTE

# A figure is drawn in the light colours, and the page decides which ones are shown.
_NAMES = {light: name for name, (light, _) in PALETTE.items()}
CARD, INK, QUIET, LINE, ACCENT, SECOND, THIRD = (
    PALETTE[name][0] for name in ("card", "ink", "quiet", "line", "accent", "second", "third")
)

# Any: values of settings. The output depends on no fonts, time or earlier drawings of the machine.
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "samara",
    "pdf.fonttype": 42,  # type 3 fonts are refused by many publishers
    "font.sans-serif": ["DejaVu Sans"],  # bundled with matplotlib
    "text.parse_math": False,  # a file name may contain dollar signs
}
_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"

MAX_LETTERS = 24


@contextmanager
def drawn_alike() -> Iterator[None]:
    """Apply the settings for creating and writing a figure."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # The font used for measuring lacks letters that the reader's font has.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def bare_axes(width: float, height: float, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Return axes of a new figure, without frame or ticks; sizes and margins in units of the SVG's view box."""
    # Avoids pyplot, which keeps global figures and chooses a backend.
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    place = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(place, frameon=False)
    axes.tick_params(length=0, colors=QUIET, pad=8)
    axes.set_axisbelow(True)
    return axes


def as_svg(axes: Axes, label: str, tips: Sequence[str] = (), *, standalone: bool = False) -> str:
    """Write the figure of these axes as an SVG element.

    Args:
        axes: axes created within `drawn_alike`.
        label: description for screen readers.
        tips: tooltips of the artists whose `gid` is "tip_0", "tip_1", ...
        standalone: write a separate file that follows the reader's light or dark mode; otherwise the page sets the
            colours.
    """
    figure, buffer = cast("Figure", axes.figure), io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata=_METADATA)
    # An inline SVG needs no XML header, and ids must not repeat within a page.
    drawn = re.sub(r"\s+", " ", buffer.getvalue().partition("</defs>")[2])
    drawn = re.sub(r' id="tip_(\d+)">', lambda found: f"><title>{escape(tips[int(found[1])])}</title>", drawn)
    drawn = re.sub(r' id="[A-Za-z.]+(2d)?_\d+"| transform="rotate\(-0 [^"]*"', "", drawn).replace(
        "'DejaVu Sans', sans-serif", _FONTS
    )
    for colour, name in _NAMES.items():
        drawn = drawn.replace(colour, f"var(--{name})")
    width, height = figure.bbox.size
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'viewBox="0 0 {width:g} {height:g}" aria-label="{escape(label)}">{_paper() if standalone else ""}{drawn}\n'
    )


def as_pdf(axes: Axes) -> bytes:
    """Write the figure of these axes as a PDF with embedded fonts, in the light colours; within `drawn_alike`."""
    buffer = io.BytesIO()
    cast("Figure", axes.figure).savefig(buffer, format="pdf", metadata={"CreationDate": None, "Creator": None})
    return buffer.getvalue()


def _paper() -> str:
    light, dark = ("; ".join(f"--{name}: {both[place]}" for name, both in PALETTE.items()) for place in (0, 1))
    colours = f"svg {{ {light} }} @media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}"
    return f'<style>{colours}</style><rect width="100%" height="100%" style="fill: var(--card)"/>'


def shortened(title: str, letters: int = MAX_LETTERS) -> str:
    """Shorten a title to `letters`, by default to fit next to a point."""
    return title if len(title) <= letters else f"{title[: letters - 1]}…"
