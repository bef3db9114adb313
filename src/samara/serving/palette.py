"""The colours of samara's pages as a style sheet, for a page that cannot have styles of its own inside."""

from __future__ import annotations

from samara.system.templates import PALETTE


def stylesheet() -> str:
    """Return the palette as CSS properties that follow the reader's choice of light or dark."""
    properties = "".join(f"  --{name}: light-dark({light}, {dark});\n" for name, (light, dark) in PALETTE.items())
    return f":root {{\n  color-scheme: light dark;\n{properties}}}\n"
