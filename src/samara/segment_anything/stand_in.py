"""Let programs that cannot be edited find samara under the names of the official packages."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from samara.errors import SettingsError

STAND_INS = ("segment_anything", "segment_anything_hq", "sam2")
"""Packages that `samara` has a drop-in for, under the same name."""


def install(package: str = "segment_anything") -> None:
    """Make `import segment_anything`, and all of its submodules, give samara's, in this process from now on.

    Call it before the program that imports the official package is imported. Once is enough, twice does no harm.

    Args:
        package: "segment_anything", "segment_anything_hq" for HQ-SAM's own, or "sam2" for SAM 2's, on images.

    Raises:
        SettingsError: there is no stand-in for such a package, or the official one was imported already.
    """
    if package not in STAND_INS:
        raise SettingsError(f"there is no stand-in for {package!r}, only for {', '.join(STAND_INS)}")
    ours = importlib.import_module(f"samara.{package}")
    if sys.modules.get(package, ours) is not ours:
        raise SettingsError(
            f"{package} was imported already, from {getattr(sys.modules[package], '__file__', 'elsewhere')}; call "
            "install before whatever imports it"
        )
    prefix = ours.__name__ + "."
    submodules = [name for _, name, _ in pkgutil.walk_packages(ours.__path__, prefix)]
    for name in (ours.__name__, *submodules):
        sys.modules[name.removeprefix("samara.")] = importlib.import_module(name)
