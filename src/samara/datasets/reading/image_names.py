"""Images that a file names, looked for in a folder: one rule for everything that reads ground truth or prompts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from samara.images.paths import Finder


@dataclass(frozen=True)
class ImageFolder:
    """A folder that images are looked for in by their names, relative and with "/".

    An image is the file of that name. If it is not there, leading folders of the name are left off, one after the
    other, down to the last part. If that is not there either, the images below the folder are gone through, for the
    one whose name, without regard to case, ends in the longest part of the name sought; of two that fit equally well
    neither is taken.
    """

    folder: Path

    def find(self, name: str) -> Path | None:
        """The image of a name; None if it is not there, or not to be told from another."""
        # Not pathlib: it takes several times as long, and raises for names that are too long.
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
        """All images below the folder, by the last part of their names in lower case; made if one is not at hand."""
        found: dict[str, list[str]] = {}
        for path in Finder().below(self.folder):
            name = os.path.relpath(path, self.folder).replace(os.sep, "/")
            found.setdefault(_last_part(name), []).append(name)
        return found

    def lacks(self, missing: Sequence[str], count: int, file: str) -> str:
        """Say what of `count` images that a file names is missing, at least one, and where it was looked for."""
        return (
            f"{len(missing)} of the {count} images in {file} are not in {str(self.folder)!r} or below it; the first "
            f"is {missing[0]!r:.80}"
        )


def _tails(name: str) -> Iterator[str]:
    """A name, without its first folder, without its first two, and so on."""
    yield name
    while "/" in name:
        name = name.partition("/")[2]
        yield name


def _last_part(name: str) -> str:
    return name.rpartition("/")[2].lower()
