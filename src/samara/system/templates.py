"""The templates of pages and drawings: every value is escaped, and a missing one is an error.

Pages extend `page.html.j2` beside this file, which has the style of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from samara.system.extras import require

if TYPE_CHECKING:
    from jinja2 import Template

EXTRA = "report"

PALETTE: Mapping[str, tuple[str, str]] = {
    "paper": ("#f6f7f9", "#0f1318"),
    "card": ("#ffffff", "#171d24"),
    "ink": ("#1c2733", "#e3e9ef"),
    "quiet": ("#5b6875", "#98a5b1"),
    "line": ("#dfe4e9", "#2a333d"),
    "same": ("#b9c2cb", "#4a5663"),
    "accent": ("#0069a8", "#56b4e9"),
    "second": ("#a65300", "#e0902f"),
    "third": ("#47762b", "#8fc46a"),
    "up": ("#00795f", "#3ecfab"),
    "down": ("#b3123d", "#ff7d9c"),
    "mark": ("#fff3d6", "#3a2f14"),
    "mark-ink": ("#7a5200", "#f2cf8a"),
}
"""Colours of pages and of charts in them by name, light and dark; those of text have a contrast of at least 4.5."""


def template(name: str) -> Template:
    """Load a template by its path inside the package.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    require("jinja2", EXTRA, "a report's page")
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Names are untrusted, so everything is escaped, whatever the template's suffix.
    environment = Environment(
        loader=PackageLoader("samara", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["palette"] = PALETTE
    return environment.get_template(name)
