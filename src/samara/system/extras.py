"""Optional libraries: asked for before the work that would end in them begins."""

from __future__ import annotations

import importlib
import importlib.util

from samara.errors import MissingExtra


def require(library: str, extra: str, purpose: str) -> None:
    """Make sure that an optional library is there.

    Args:
        library: its import name.
        extra: samara's extra that installs it.
        purpose: what needs it, the beginning of the error's sentence.

    Raises:
        MissingExtra: it is not there, or does not import.
    """
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise MissingExtra(
            f"{purpose} needs {library}, which is not installed; pip install 'samara[{extra}]'"
        ) from error


def is_installed(library: str) -> bool:
    """Whether an optional library is there, by its import name; it is not imported."""
    return importlib.util.find_spec(library) is not None
