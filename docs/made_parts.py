"""Parts of documents that are made from data, between two comments, so that no number is typed by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path


def with_parts(document: Path, text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The text with its parts made anew.

    Args:
        document: whose text it is, for messages.
        text: has `<!-- NAME: made by `make docs` -->` and `<!-- end -->` once for each part.
        parts: what stands between them, by name.

    Raises:
        SystemExit: a part has no place, or several.
    """
    for name, make in parts.items():
        region = re.compile(rf"(<!-- {name}: made by `make docs` -->\n).*?(<!-- end -->)", re.DOTALL)
        made = make()
        text, count = region.subn(lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text)
        if count != 1:
            raise SystemExit(f"{document.name} has {count} places for {name!r}, and must have one")
    return text
