"""Files in a tree like that of the pictures: what they are called, and the pictures themselves beside them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal, TypeAlias

from samara.datasets.annotated import AnnotatedImage
from samara.errors import OutputError

Pictures: TypeAlias = Literal["none", "link", "copy"]
"""What becomes of the pictures: nothing, a symbolic link, or a copy."""

# In every folder that we write: what made it, and that it is ours to replace.
MARKER = "samara.json"


def relative_name(name: str, suffix: str) -> Path:
    """The path of an image's annotation file within its folder: the image's own, with another suffix.

    Args:
        name: `file_name` of the image.
        suffix: of the annotation file.

    Raises:
        OutputError: the file name leads out of the folder, or is no name.
    """
    as_windows = PureWindowsPath(name)
    if as_windows.anchor or ".." in as_windows.parts or "\0" in name or not PurePosixPath(name).name:
        raise OutputError(
            f"{name!r} cannot name an annotation file; file names must be relative to the folder of the pictures and "
            "without '..'"
        )
    relative = Path(PurePosixPath(name).with_suffix(suffix))
    if relative == Path(MARKER):
        raise OutputError(f"{name!r} would have its annotations in {MARKER}, which samara needs itself; rename it")
    return relative


def new_file(path: Path, image: AnnotatedImage) -> Path:
    """A path to write to, its folder made.

    Raises:
        OutputError: an earlier image has the same file.
    """
    if os.path.lexists(path):
        raise OutputError(shared_file(image.file_name, path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def shared_file(name: str, path: Path) -> str:
    """The sentence about a picture whose annotation file belongs to another picture already."""
    return f"{name!r} would share {path.name} with another picture of the same name and another suffix; rename one"


def require_picture(image: AnnotatedImage, pictures: Pictures) -> None:
    """Make sure that there is a picture to link or copy, if that is asked for.

    Raises:
        OutputError: there is none.
    """
    if pictures != "none" and (image.path is None or not image.path.is_file()):
        raise OutputError(f"{image.file_name!r} has no picture file to {pictures}; export without pictures")


def place_picture(image: AnnotatedImage, destination: Path, pictures: Pictures) -> None:
    """Link or copy the picture of an image, if that is asked for."""
    if pictures == "none" or image.path is None:
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    if pictures == "link":
        destination.symlink_to(image.path.resolve())
    else:
        shutil.copyfile(image.path, destination)
