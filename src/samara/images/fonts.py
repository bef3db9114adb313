"""Fonts of the system, for letters that Pillow's own font lacks; found by matplotlib, if it is installed."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

from samara.system.extras import is_installed

_log = logging.getLogger(__name__)

_PLAIN = ("sans", "gothic", "arial", "helvetica", "segoe")
# Has a box for every letter that there is.
_STANDS_FOR_OTHERS = "lastresort"
_OTHER_STYLES = ("bold", "italic", "oblique", "mono", "light", "thin", "black", "condensed", "serif", "emoji", "symbol")


@functools.cache
def font_with(letters: frozenset[str]) -> str | None:
    """Return the path of a font that has all of some letters; None if none is here, which is logged.

    Fonts without serifs, of normal weight, come first.
    """
    codes = {ord(letter) for letter in letters}
    path = next((path for path in font_files() if codes <= _codes_of(path)), None)
    if path is None:
        how = "install one" if is_installed("matplotlib") else "pip install 'samara[report]' to use the system's"
        shown = "".join(sorted(letter for letter in letters if ord(letter) > 255))
        _log.warning("no font with the letters %s was found, so ? stands for them; %s", shown, how)
    return path


@functools.cache
def font_files() -> tuple[str, ...]:
    """Return the font files here, those to prefer first; none without matplotlib."""
    if not is_installed("matplotlib"):
        return ()
    import matplotlib
    from matplotlib import font_manager

    own = (Path(matplotlib.get_data_path()) / "fonts" / "ttf").glob("*.ttf")
    found = {*map(str, own), *font_manager.findSystemFonts()}
    return tuple(sorted((path for path in found if _STANDS_FOR_OTHERS not in path.lower()), key=plainness))


def plainness(path: str) -> tuple[int, bool, str]:
    """Return the key by which fonts are sorted, from the name of a file."""
    name = Path(path).stem.lower()
    return sum(style in name for style in _OTHER_STYLES), not any(word in name for word in _PLAIN), path


@functools.cache
def _codes_of(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # no font that FreeType reads
        return frozenset()
