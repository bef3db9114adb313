"""Optional libraries, checked before the work that needs them starts."""

from __future__ import annotations

import importlib
import importlib.util

from samara.errors import MissingExtra


def require(library: str, extra: str, purpose: str) -> None:
    """Check that an optional library is installed.

    Args:
        library: its import name.
        extra: samara's extra that installs it.
        purpose: what needs it, the start of the error message.

    Raises:
        MissingExtra: it is not installed, or cannot be imported.
    """
    try:
        importlib.import_module(library)
    except ImportError as error:
        package = library.partition(".")[0]
        raise MissingExtra(
            f"{purpose} needs {package} (extra {extra!r}), which is not installed; pip install 'samara[{extra}]'"
        ) from error


def is_installed(library: str) -> bool:
    """Return whether an optional library is installed, by its import name, without importing it."""
    return importlib.util.find_spec(library) is not None
