"""Installation of samara under the names of the official packages, for programs that cannot be edited."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from samara.errors import SettingsError

STAND_INS = ("segment_anything", "segment_anything_hq", "sam2")
"""Packages with a drop-in in `samara` under the same name."""


def install(package: str = "segment_anything") -> None:
    """Make `import segment_anything`, with all its submodules, import samara's drop-in in this process.

    Call it before importing the program that imports the official package. Repeated calls have no effect.

    Args:
        package: "segment_anything", "segment_anything_hq" for HQ-SAM's own, or "sam2" for SAM 2's, on images.

    Raises:
        SettingsError: The package has no drop-in, or the official one is already imported.
    """
    if package not in STAND_INS:
        raise SettingsError(f"there is no drop-in for {package!r}, only for {', '.join(STAND_INS)}")
    ours = importlib.import_module(f"samara.{package}")
    if sys.modules.get(package, ours) is not ours:
        raise SettingsError(
            f"{package} is already imported from {getattr(sys.modules[package], '__file__', 'elsewhere')}; call "
            "install before anything imports it"
        )
    prefix = ours.__name__ + "."
    submodules = [name for _, name, _ in pkgutil.walk_packages(ours.__path__, prefix)]
    for name in (ours.__name__, *submodules):
        sys.modules[name.removeprefix("samara.")] = importlib.import_module(name)
