"""What can be written of the masks of an image, and where it stands in a folder of results.

This module imports nothing heavy, which keeps the command line's help fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from samara.errors import SettingsError

FileKind: TypeAlias = Literal["overlay", "masks", "cutouts", "labels", "json"]
"""overlay: the image with its masks drawn on it. masks: a PNG of 0 and 255 for each mask. cutouts: an RGBA PNG for each
mask, cut to its box. labels: one PNG whose pixels are the numbers of the masks. json: COCO annotations."""

FILE_KINDS: tuple[FileKind, ...] = get_args(FileKind)
USUAL_KINDS: tuple[FileKind, ...] = ("overlay", "json")

_FOLDERS: dict[FileKind, str] = {
    "overlay": "overlays",
    "masks": "masks",
    "cutouts": "cutouts",
    "labels": "labels",
}
PER_MASK: tuple[FileKind, ...] = ("masks", "cutouts")


def require_kinds(kinds: Sequence[str], known: Sequence[str] = FILE_KINDS) -> None:
    """Check what is to be saved.

    Raises:
        SettingsError: nothing is to be saved, or something that is not known.
    """
    if isinstance(kinds, str):
        raise SettingsError(f"`save` is the text {kinds!r}; give a list of kinds, such as [{kinds!r}]")
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        raise SettingsError(f"`save` has {unknown[0]!r}, which is not known; use {', '.join(known)}")
    if not kinds:
        raise SettingsError(f"`save` is empty; use one or more of {', '.join(known)}")


def place_of(folder: Path, kind: FileKind, name: str) -> Path:
    """Return where files of a kind stand: a PNG, or for masks and cutouts the folder of one PNG per mask.

    Args:
        folder: folder of the results.
        kind: any but json.
        name: name of the image, without suffix, which may contain "/".
    """
    below = folder / _FOLDERS[kind]
    return below / name if kind in PER_MASK else below / f"{name}.png"
