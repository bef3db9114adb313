"""Search for images by name in a folder: one rule for all readers of ground truth and prompts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from samara.images.paths import Finder


@dataclass(frozen=True)
class ImageFolder:
    """A folder in which images are searched by relative name, with "/".

    An image is the file of that name. If it is missing, leading folders of the name are dropped one by one. If that
    fails too, all images below the folder are searched, ignoring case, for the one with the longest matching end of the
    name; if two match equally well, neither is used.
    """

    folder: Path

    def find(self, name: str) -> Path | None:
        """Return the image of a name; None if it is missing or ambiguous."""
        # Not pathlib: it is several times slower, and raises for names that are too long.
        for tail in _tails(name):
            path = os.path.join(self.folder, tail)
            if os.path.isfile(path):
                return Path(path)
        fitting = self._by_last_part.get(_last_part(name), [])
        for tail in _tails(name.lower()):
            found = [path for path in fitting if f"/{path.lower()}".endswith(f"/{tail}")]
            if found:
                return self.folder / found[0] if len(found) == 1 else None
        return None

    @cached_property
    def _by_last_part(self) -> dict[str, list[str]]:
        """All images below the folder by lower-case file name; computed only when an image is not found directly."""
        found: dict[str, list[str]] = {}
        for path in Finder().below(self.folder):
            name = os.path.relpath(path, self.folder).replace(os.sep, "/")
            found.setdefault(_last_part(name), []).append(name)
        return found

    def lacks(self, missing: Sequence[str], count: int, file: str) -> str:
        """Describe which of `count` images in a file are missing (at least one), and where they were searched."""
        return (
            f"{len(missing)} of the {count} images in {file} are not in {str(self.folder)!r} or below it; the first "
            f"is {missing[0]!r:.80}"
        )


def _tails(name: str) -> Iterator[str]:
    """Yield a name, then without its first folder, without its first two, and so on."""
    yield name
    while "/" in name:
        name = name.partition("/")[2]
        yield name


def _last_part(name: str) -> str:
    return name.rpartition("/")[2].lower()
