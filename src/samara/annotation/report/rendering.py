"""Rendering of the report's pages, which share a style and a script."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from functools import cache
from importlib import resources

from samara.system.templates import template


def render(name: str, **values: object) -> bytes:
    """Render a template of the report as HTML.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    style, script, digest = _style_and_script()
    text = template(name).render(style=style, script=script, script_digest=digest, **values)
    # A file name may be invalid UTF-8; the page must not.
    return text.encode("utf-8", errors="replace")


@cache
def _style_and_script() -> tuple[str, str, str]:
    """Return style, script, and the script's digest: the page runs this script and no other."""
    folder = resources.files("samara") / "annotation" / "report"
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    return style, script, b2a_base64(hashlib.sha256(script.encode()).digest(), newline=False).decode()
