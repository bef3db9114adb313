"""Files in a tree like that of the images: their names, and linking or copying the images."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath, PureWindowsPath

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.options import Images
from samara.errors import OutputError

# In every folder that samara writes: its provenance, and a sign that samara may replace it.
MARKER = "samara.json"


def relative_name(name: str, suffix: str) -> Path:
    """Return the relative path of an image's annotation file: the image's own, with another suffix.

    Args:
        name: `file_name` of the image.
        suffix: suffix of the annotation file.

    Raises:
        OutputError: the file name leads out of the folder, or is not a name.
    """
    as_windows = PureWindowsPath(name)
    if as_windows.anchor or ".." in as_windows.parts or "\0" in name or not PurePosixPath(name).name:
        raise OutputError(
            f"{name!r} cannot name an annotation file; file names must be relative to the image folder and without '..'"
        )
    relative = Path(PurePosixPath(name).with_suffix(suffix))
    if relative == Path(MARKER):
        raise OutputError(f"{name!r} would have its annotations in {MARKER}, which samara reserves; rename the image")
    return relative


def new_file(path: Path, image: AnnotatedImage) -> Path:
    """Return a path to write to, creating its folder.

    Raises:
        OutputError: an earlier image has the same file.
    """
    if os.path.lexists(path):
        raise OutputError(shared_file(image.file_name, path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def shared_file(name: str, path: Path) -> str:
    """Return the message for an image whose annotation file already belongs to another image."""
    return f"{name!r} would share {path.name} with another image of the same name and another suffix; rename one"


def require_image(image: AnnotatedImage, images: Images) -> None:
    """Check that there is an image to link or copy, if requested.

    Raises:
        OutputError: there is none.
    """
    if images != "none" and (image.path is None or not image.path.is_file()):
        raise OutputError(f"{image.file_name!r} has no image file to {images}; export without images")


def place_image(image: AnnotatedImage, destination: Path, images: Images) -> None:
    """Link or copy the image file into place, if requested."""
    if images == "none" or image.path is None:
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    if images == "link":
        destination.symlink_to(image.path.resolve())
    else:
        shutil.copyfile(image.path, destination)
