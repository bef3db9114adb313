"""Finding image files: folders, patterns and names, links followed, each real image once, in a fixed order.

Hidden files and folders are left out, and so is what does not have the name of an image. All of it is counted, so that
nothing is left out without a word. A link to a folder that was listed already is not followed again, which ends loops.
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
    """What was left out on the way, by its reason.

    Attributes:
        ignored: files whose names are not those of images.
        unread: of these, the images of kinds that are not read, by what to do with them.
        hidden: images whose names begin with a dot.
        repeated: names of images that were listed before under another name.
        loops: links to folders that were listed before.
        passed_by: folders that a pattern met where it asks for files.
        broken: links that lead nowhere; those with names of images are listed, and fail when they are read.
        missing: names of images that are not there; links that lead nowhere are among them.
        first_missing: the first of them.
        closed: folders that cannot be listed, and why.
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
        """Images and folders that were listed before, and folders that are closed."""
        return self.repeated, self.loops, len(self.closed)

    def ignore(self, name: str) -> None:
        """Count a file that has not the name of an image."""
        self.ignored += 1
        way = way_out(name)
        if way is not None:
            self.unread[way] += 1

    def sentences(self) -> Iterator[str]:
        """What to tell of it."""
        counted = {
            "files whose names are not those of images were left out": self.ignored,
            "hidden images were left out; name them to have them": self.hidden,
            "images were given more than once and are taken once": self.repeated,
            "links to folders that were listed already were not followed again": self.loops,
            "folders that a pattern met were not looked into; name them, or write ** for any depth": self.passed_by,
        }
        yield from (f"{count} {what}" for what, count in counted.items() if count)
        yield from (f"{count} of the files left out are images: {way}" for way, count in self.unread.most_common())
        if self.broken:
            yield f"{len(self.broken)} links that lead nowhere were left out; the first is {self.broken[0]!r}"
        if self.closed:
            yield f"{len(self.closed)} folders cannot be listed and were left out; the first is {self.closed[0]}"


class Finder:
    """Finds images for one purpose, and each of them once.

    Attributes:
        listing: what was left out so far.
        leave_out: real path of a folder that is not looked into.
    """

    def __init__(self, listing: Listing | None = None, leave_out: Path | None = None) -> None:
        self.listing = Listing() if listing is None else listing
        self.leave_out = None if leave_out is None else os.path.realpath(leave_out)
        # Folders whose images are all listed, and what was listed besides: few numbers for ten million files.
        self._folders: set[str] = set()
        self._files: set[int] = set()

    def below(self, folder: str | Path) -> Iterator[str]:
        """Paths of the images in a folder and in those below it; it stands before each of them."""
        return self._below(os.fspath(folder))

    def matching(self, pattern: str) -> Iterator[str]:
        """Paths of the images that a pattern names, `**` for any depth."""
        start = Path(pattern).anchor
        for path in self._matching(start, Path(pattern).parts[1 if start else 0 :]):
            if is_image_name(path) and (os.path.isfile(path) or not os.path.exists(path)):
                yield from self.once(path)
            elif os.path.isdir(path):
                self.listing.passed_by += ANY_DEPTH not in pattern
            elif os.path.lexists(path):
                self.listing.ignore(path)

    def once(self, path: str) -> Iterator[str]:
        """A path, unless its image was listed before; one that is not there is counted, and listed."""
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
        elif os.path.lexists(path := os.path.join(start, first)):  # a name that is there is no pattern
            yield from self._matching(path, rest)
        elif glob.has_magic(first) and os.path.isdir(start or os.curdir):
            for entry in _entries(start, self.listing):
                is_seen = first.startswith(".") or not entry.name.startswith(".")
                if is_seen and fnmatch.fnmatch(entry.name, first):
                    yield from self._matching(os.path.join(start, entry.name), rest)

    def _folders_below(self, folder: str, seen: set[str]) -> Iterator[str]:
        """A folder and those below it, each real one once, hidden ones left out."""
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
    """Whatever is no folder, in a folder and in those below it but hidden ones; links to folders are followed once.

    Args:
        folder: to begin with.
        listing: counts loops and folders that cannot be listed.
        seen: real paths of folders that were listed before; grows.
        leave_out: real path of a folder that is not looked into.

    Yields:
        The real path of the folder that an entry is in, and the entry; by folders, in the order of their names.
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
    """Images that somebody named: files, folders and patterns.

    Attributes:
        paths: as named, absolute.
        root: folder that holds them all, and that their names count from: the working folder for what was named
            relative to it, the file's own folder for what was named otherwise, and of several the one that holds all.
    """

    paths: tuple[str, ...]
    root: Path

    @classmethod
    def of(cls, given: Iterable[str], start: Path | None = None) -> Given:
        """Make names absolute, and find the folder that holds them all.

        Args:
            given: names, patterns among them.
            start: what relative names count from; None for the working folder.

        Raises:
            SettingsError: a name is an address, or no folder holds them all.
        """
        start = Path(os.path.abspath(start or Path.cwd()))
        given = tuple(given)
        return cls(tuple(absolute(name, start) for name in given), common_folder(base_of(one, start) for one in given))

    def find(self, finder: Finder) -> Iterator[str]:
        """Absolute paths of all images.

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
                raise SettingsError(f"{path} has no image; correct it or leave it out")

    def name_of(self, path: str) -> str:
        """The name of an image, relative to the folder of all, with "/"."""
        return os.path.relpath(path, self.root).replace(os.sep, "/")


def absolute(name: str, start: Path) -> str:
    """An absolute path without ".."; a link before ".." is followed, as the system does.

    Raises:
        SettingsError: the name is an address.
    """
    if "://" in name:
        raise SettingsError(f"{name} is an address, and images are read from files; download it first")
    path = os.path.join(start, name)
    if ".." in Path(name).parts and not glob.has_magic(name):
        return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return os.path.abspath(path)


def base_of(name: str, start: Path) -> str:
    """The folder that a name counts from; see `Given`."""
    if not os.path.isabs(name) and ".." not in Path(name).parts:
        return str(start)
    path = absolute(name, start)
    if glob.has_magic(path):
        while not os.path.lexists(path):
            path = os.path.dirname(path)
    return path if os.path.isdir(path) else os.path.dirname(path)


def common_folder(folders: Iterable[str]) -> Path:
    """The deepest folder that holds all of some.

    Raises:
        SettingsError: none does.
    """
    # Ten million names lie in few folders.
    try:
        return Path(os.path.commonpath({*folders}))
    except ValueError as error:
        raise SettingsError(
            "the images lie on different drives, and no folder holds them all; run them apart"
        ) from error


def is_image_name(name: str) -> bool:
    """Whether a file's name is that of an image, and not hidden."""
    base = name.rpartition("/")[2]
    return not base.startswith(".") and is_image_suffix(base)
