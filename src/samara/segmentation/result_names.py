"""Names of images in a folder of results: by image, and never that of another image or of somebody else's file."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path


def result_name(path: Path, folder: Path, taken: Mapping[str, str], is_free: Callable[[str], bool]) -> str:
    """Choose the name of an image's results.

    It is the image's name without suffix: `truck`. If another image has it already, it gets more of the path, as in
    `photos/truck`, or the suffix if that one is in the same folder, as in `truck.png`; a number is the last resort.

    Args:
        path: absolute path of the image.
        folder: folder of the images of the call; names contain the folders below it.
        taken: real path of the image by name, for names that are in use.
        is_free: whether files of a name can be written without harm.

    Returns:
        The name, with "/" between folders.
    """
    relative = Path(os.path.relpath(path, folder)).as_posix()
    stem = relative.removesuffix(path.suffix)
    holder = taken.get(stem)
    is_neighbour = holder is not None and Path(holder).parent == Path(os.path.realpath(path)).parent
    names = itertools.chain([stem], [relative] if is_neighbour else [], _longer(stem, folder), _numbered(stem))
    return next(name for name in names if name not in taken and is_free(name))


def names_folder(paths: Sequence[Path]) -> Path:
    """Return the folder that all images of a call are below."""
    return Path(os.path.commonpath([path.parent for path in paths]))


def _longer(stem: str, folder: Path) -> Iterator[str]:
    """Yield the name with one folder after the other in front."""
    parts = folder.parts[1:]  # without the root of the file system
    yield from ("/".join((*parts[-count:], stem)) for count in range(1, len(parts) + 1))


def _numbered(stem: str) -> Iterator[str]:
    yield from (f"{stem}-{number}" for number in itertools.count(2))
