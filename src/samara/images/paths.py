"""Finding image files in folders, by patterns and names: follows links, yields each real file once, in a fixed order.

Hidden files and folders, and files without an image suffix, are skipped and counted, so that nothing is skipped
silently. A link to an already listed folder is not followed again, which ends loops.
"""

from __future__ import annotations

import fnmatch
import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from samara.errors import SettingsError
from samara.images.names import is_image_suffix, way_out

ANY_DEPTH = "**"


@dataclass
class Listing:
    """What was skipped, by reason.

    Attributes:
        ignored: number of files without an image suffix.
        unread: those that are unsupported images, by advice.
        hidden: number of images whose names start with a dot.
        repeated: number of images already listed under another name.
        loops: number of links to folders already listed.
        passed_by: number of folders matched by a pattern for files.
        broken: broken links; those with image names are listed, and fail when read.
        missing: number of missing images, including broken links.
        first_missing: the first of them.
        closed: folders that cannot be listed, with the reason.
    """

    ignored: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    repeated: int = 0
    loops: int = 0
    passed_by: int = 0
    broken: list[str] = field(default_factory=list)
    missing: int = 0
    first_missing: str | None = None
    closed: list[str] = field(default_factory=list)

    @property
    def known(self) -> tuple[int, int, int]:
        """Numbers of repeated images, repeated folders and unreadable folders."""
        return self.repeated, self.loops, len(self.closed)

    def ignore(self, name: str) -> None:
        """Count a file without an image suffix."""
        self.ignored += 1
        way = way_out(name)
        if way is not None:
            self.unread[way] += 1

    def sentences(self) -> Iterator[str]:
        """Yield messages about what was skipped."""
        counted = {
            "files without an image suffix were left out": self.ignored,
            "hidden images were left out; name them explicitly to include them": self.hidden,
            "images were given more than once and are used once": self.repeated,
            "links to folders that were already listed were not followed again": self.loops,
            "folders matched by a pattern were not searched; name them, or use ** for any depth": self.passed_by,
        }
        yield from (f"{count} {what}" for what, count in counted.items() if count)
        yield from (f"{count} of the files left out are images: {way}" for way, count in self.unread.most_common())
        if self.broken:
            yield f"{len(self.broken)} broken links were left out; the first is {self.broken[0]!r}"
        if self.closed:
            yield f"{len(self.closed)} folders cannot be listed and were left out; the first is {self.closed[0]}"


class Finder:
    """Finds images, each of them once.

    Attributes:
        listing: what was skipped so far.
        leave_out: real path of a folder that is not searched.
    """

    def __init__(self, listing: Listing | None = None, leave_out: Path | None = None) -> None:
        self.listing = Listing() if listing is None else listing
        self.leave_out = None if leave_out is None else os.path.realpath(leave_out)
        # Folders whose images are all listed, and single listed files: little memory for ten million files.
        self._folders: set[str] = set()
        self._files: set[int] = set()

    def below(self, folder: str | Path) -> Iterator[str]:
        """Yield the paths of the images in a folder, recursively, with the folder as prefix."""
        return self._below(os.fspath(folder))

    def matching(self, pattern: str) -> Iterator[str]:
        """Yield the paths of the images that match a pattern, `**` for any depth."""
        start = Path(pattern).anchor
        for path in self._matching(start, Path(pattern).parts[1 if start else 0 :]):
            if is_image_name(path) and (os.path.isfile(path) or not os.path.exists(path)):
                yield from self.once(path)
            elif os.path.isdir(path):
                self.listing.passed_by += ANY_DEPTH not in pattern
            elif os.path.lexists(path):
                self.listing.ignore(path)

    def once(self, path: str) -> Iterator[str]:
        """Yield a path unless its image was already listed; a missing one is counted and yielded."""
        real = os.path.realpath(path)
        folder, name = os.path.split(real)
        is_there = os.path.exists(real)
        if hash(real) in self._files or (is_there and folder in self._folders and is_image_name(name)):
            self.listing.repeated += 1
            return
        self._files.add(hash(real))
        if not is_there:
            self.listing.missing += 1
            self.listing.first_missing = self.listing.first_missing or path
        yield path

    def _below(self, folder: str) -> Iterator[str]:
        for real, entry in files_below(folder, self.listing, self._folders, self.leave_out):
            is_link = entry.is_symlink()
            if is_image_name(entry.name) and is_link:
                yield from self._linked(entry.path)
            elif is_image_name(entry.name) and entry.is_file():
                yield from self._plain(entry.path, os.path.join(real, entry.name))
            else:
                self._leave_out(entry, is_link=is_link)

    def _plain(self, path: str, real: str) -> Iterator[str]:
        if self._files and hash(real) in self._files:
            self.listing.repeated += 1
        else:
            yield path

    def _linked(self, path: str) -> Iterator[str]:
        if os.path.exists(path) and not os.path.isfile(path):
            self.listing.ignore(path)
        else:
            yield from self.once(path)

    def _leave_out(self, entry: os.DirEntry[str], *, is_link: bool) -> None:
        if is_link and not os.path.exists(entry.path):
            self.listing.broken.append(entry.path)
        elif not entry.name.startswith("."):
            self.listing.ignore(entry.name)
        elif is_image_name(entry.name.lstrip(".")):
            self.listing.hidden += 1

    def _matching(self, start: str, parts: Sequence[str]) -> Iterator[str]:
        if not parts:
            yield start
            return
        first, rest = parts[0], parts[1:]
        if first == ANY_DEPTH:
            for folder in self._folders_below(start, set()):
                yield from self._matching(folder, rest or ("*",))
        elif os.path.lexists(path := os.path.join(start, first)):  # an existing name is not a pattern
            yield from self._matching(path, rest)
        elif glob.has_magic(first) and os.path.isdir(start or os.curdir):
            for entry in _entries(start, self.listing):
                is_seen = first.startswith(".") or not entry.name.startswith(".")
                if is_seen and fnmatch.fnmatch(entry.name, first):
                    yield from self._matching(os.path.join(start, entry.name), rest)

    def _folders_below(self, folder: str, seen: set[str]) -> Iterator[str]:
        """Yield a folder and those below it, each real one once, without hidden ones."""
        real = os.path.realpath(folder)
        if real in seen or real == self.leave_out or not os.path.isdir(real):
            return
        seen.add(real)
        yield folder
        for entry in _entries(folder, self.listing):
            if not entry.name.startswith(".") and os.path.isdir(entry.path):
                yield from self._folders_below(os.path.join(folder, entry.name), seen)


def files_below(
    folder: str, listing: Listing, seen: set[str], leave_out: str | None = None
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield all files in a folder, recursively, without hidden folders; links to folders are followed once.

    Args:
        folder: folder to start from.
        listing: counts loops and folders that cannot be listed.
        seen: real paths of folders already listed; extended.
        leave_out: real path of a folder that is not searched.

    Yields:
        The real path of an entry's folder, and the entry; by folder, sorted by name.
    """
    real = os.path.realpath(folder)
    if real == leave_out:
        return
    if real in seen:
        listing.loops += 1
        return
    entries = _entries(folder, listing)
    seen.add(real)
    folders = []
    for entry in entries:
        if os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir():
            folders += [] if entry.name.startswith(".") else [entry.path]
        else:
            yield real, entry
    for inner in folders:
        yield from files_below(inner, listing, seen, leave_out)


def _entries(folder: str, listing: Listing) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder or os.curdir) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        listing.closed.append(f"{folder!r} ({error.strerror or error})")
        return []


@dataclass(frozen=True)
class Given:
    """Images given by the user: files, folders and patterns.

    Attributes:
        paths: absolute paths as given.
        root: folder that contains them all and that names are relative to: the working directory for relative paths,
            the file's own folder otherwise, and the common parent of several.
    """

    paths: tuple[str, ...]
    root: Path

    @classmethod
    def of(cls, given: Iterable[str], start: Path | None = None) -> Given:
        """Make names absolute, and find their common folder.

        Args:
            given: names, including patterns.
            start: folder of relative names; None for the working directory.

        Raises:
            SettingsError: a name is a URL, or they have no common folder.
        """
        start = Path(os.path.abspath(start or Path.cwd()))
        given = tuple(given)
        return cls(tuple(absolute(name, start) for name in given), common_folder(base_of(one, start) for one in given))

    def find(self, finder: Finder) -> Iterator[str]:
        """Yield the absolute paths of all images.

        Raises:
            SettingsError: a folder or pattern has none.
        """
        for path in self.paths:
            is_file = not os.path.isdir(path) and (not glob.has_magic(path) or os.path.lexists(path))
            if is_file:
                yield from finder.once(path)
                continue
            before, is_empty = finder.listing.known, True
            for one in finder.below(path) if os.path.isdir(path) else finder.matching(path):
                is_empty = False
                yield one
            if is_empty and len(self.paths) > 1 and before == finder.listing.known:
                raise SettingsError(f"{path} contains no images; correct it or leave it out")

    def name_of(self, path: str) -> str:
        """Return the name of an image, relative to the root, with "/"."""
        return os.path.relpath(path, self.root).replace(os.sep, "/")


def absolute(name: str, start: Path) -> str:
    """Return an absolute path without ".."; a link before ".." is followed, like the operating system does.

    Raises:
        SettingsError: the name is a URL.
    """
    if "://" in name:
        raise SettingsError(f"{name} is a URL, but images are read from files; download it first")
    path = os.path.join(start, name)
    if ".." in Path(name).parts and not glob.has_magic(name):
        return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return os.path.abspath(path)


def base_of(name: str, start: Path) -> str:
    """Return the folder that a name is relative to; see `Given`."""
    if not os.path.isabs(name) and ".." not in Path(name).parts:
        return str(start)
    path = absolute(name, start)
    if glob.has_magic(path):
        while not os.path.lexists(path):
            path = os.path.dirname(path)
    return path if os.path.isdir(path) else os.path.dirname(path)


def common_folder(folders: Iterable[str]) -> Path:
    """Return the deepest common parent of folders.

    Raises:
        SettingsError: there is none.
    """
    # Ten million names are in few folders.
    try:
        return Path(os.path.commonpath({*folders}))
    except ValueError as error:
        raise SettingsError(
            "the images are on different drives, so they have no common folder; process them separately"
        ) from error


def is_image_name(name: str) -> bool:
    """Return whether a file has an image suffix and is not hidden."""
    base = name.rpartition("/")[2]
    return not base.startswith(".") and is_image_suffix(base)
