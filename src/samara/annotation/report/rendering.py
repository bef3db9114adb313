"""Rendering of the report's pages, which share a script."""

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
    script, digest = _script()
    text = template(name).render(script=script, script_digest=digest, **values)
    # A file name may be invalid UTF-8; the page must not.
    return text.encode("utf-8", errors="replace")


@cache
def _script() -> tuple[str, str]:
    """Return the script and its digest: a page runs this script and no other."""
    script = (resources.files("samara") / "annotation" / "report" / "report.js").read_text(encoding="utf-8")
    return script, b2a_base64(hashlib.sha256(script.encode()).digest(), newline=False).decode()
