"""Where images come from: a folder, files, patterns, a list file, a tar archive. Listed in a fixed order.

Nothing is unpacked, and a name in an archive is only a name.
"""

from __future__ import annotations

import glob
import hashlib
import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from samara.annotation.plan import Entry
from samara.errors import ImageError, SettingsError

PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".tif", ".tiff", ".webp", ".avif", ".bmp", ".dib"),
    *(".gif", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".qoi"),
)
COMPRESSED_TAR = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
# Larger files are hashed and decoded from the disk instead of being held in memory.
MOST_BYTES_IN_MEMORY = 64 << 20
_BLOCK_BYTES = 1 << 20

Kind = Literal["folder", "files", "list", "archive"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image file as it was found.

    Attributes:
        entry: what it is in the plan.
        data: its bytes, or its path if it is large.
        sha256: 64 hexadecimal digits.
        size_bytes: its length.
        path: of the file; None for one in an archive.
    """

    entry: Entry
    data: bytes | Path
    sha256: str
    size_bytes: int
    path: Path | None = None


@dataclass
class Listing:
    """What was found on the way through a source.

    Attributes:
        ignored: files whose names are not those of pictures.
    """

    ignored: int = 0


@dataclass(frozen=True)
class Source:
    """Images to annotate.

    Attributes:
        kind: what it is.
        root: folder that names are relative to, or the archive.
        given: what the user named, for "files".
        listing: filled by `entries`.
    """

    kind: Kind
    root: Path
    given: tuple[str, ...] = ()
    listing: Listing = field(default_factory=Listing, compare=False)

    def entries(self, leave_out: Path | None = None) -> Iterator[Entry]:
        """List the images, in a fixed order.

        Args:
            leave_out: a folder that is not looked into, such as the one for the results.

        Raises:
            SettingsError: an archive or list cannot be read.
        """
        if self.kind == "archive":
            return self._in_archive()
        names = {"folder": self._in_folder, "files": self._named, "list": self._listed}[self.kind]
        hidden = None if leave_out is None else leave_out.resolve()
        return (Entry(index, name) for index, name in enumerate(names(hidden), start=1))

    def read(self, entry: Entry) -> Encoded:
        """Read one image file.

        Raises:
            ImageError: it cannot be read.
        """
        path = self.root if entry.at else self.root / entry.name
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size if entry.at is None else entry.at[1]
                if entry.at is None and size > MOST_BYTES_IN_MEMORY:
                    return Encoded(entry, path, hashlib.file_digest(file, "sha256").hexdigest(), size, path)
                file.seek(entry.at[0] if entry.at else 0)
                data = file.read(size)
        except (OSError, ValueError) as error:  # ValueError: a null character in the name
            reason = error.strerror if isinstance(error, OSError) else error
            raise ImageError(
                f"{entry.name!r} cannot be read ({reason}); check the path and its permissions."
            ) from error
        return Encoded(entry, data, hashlib.sha256(data).hexdigest(), len(data), None if entry.at else path)

    def facts(self) -> dict[str, str]:
        """What the manifest records, and a resumed run must have in common."""
        return {"kind": self.kind, "root": str(self.root)}

    def _in_folder(self, leave_out: Path | None) -> Iterator[str]:
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and (leave_out is None or Path(folder, name).resolve() != leave_out)
            )
            for name in sorted(files):
                if is_picture_name(name):
                    yield os.path.relpath(os.path.join(folder, name), self.root).replace(os.sep, "/")
                elif not name.startswith("."):
                    self.listing.ignored += 1

    def _named(self, leave_out: Path | None) -> Iterator[str]:
        for given in self.given:
            if os.path.isdir(self.root / given):
                inner = Source("folder", self.root / given, listing=self.listing)
                yield from (f"{given.rstrip('/')}/{name}" for name in inner._in_folder(leave_out))
            elif glob.has_magic(given) and not (self.root / given).exists():
                yield from self._matching(given)
            else:
                yield given

    def _matching(self, pattern: str) -> Iterator[str]:
        for name in sorted(glob.iglob(pattern, root_dir=self.root, recursive=True)):
            if is_picture_name(name):
                yield name
            elif os.path.isfile(self.root / name):
                self.listing.ignored += 1

    def _listed(self, _: Path | None) -> Iterator[str]:
        (name,) = self.given
        try:
            with open(self.root / name, "rb") as lines:
                for line in lines:
                    text = os.fsdecode(line.strip(b"\r\n"))
                    if text.strip() and not text.startswith("#"):
                        yield text
        except OSError as error:
            raise SettingsError(f"the list {name} cannot be read ({error.strerror or error})") from error

    def _in_archive(self) -> Iterator[Entry]:
        try:
            with tarfile.open(self.root, "r:") as archive:
                found = 0
                for member in archive:
                    if member.isfile() and not member.issparse() and is_picture_name(member.name):
                        found += 1
                        yield Entry(found, member.name, (member.offset_data, member.size))
                    elif not member.isdir():
                        self.listing.ignored += 1
        except (OSError, tarfile.TarError) as error:
            raise SettingsError(f"{self.root} cannot be read as a tar archive ({error}); make it again") from error


def open_source(given: Sequence[str]) -> Source:
    """Find out what somebody means by IMAGES.

    Args:
        given: a folder, which is searched with all below it; picture files, folders and patterns (`**` for any depth);
            a text file with a path in each line, relative to that file; or an uncompressed tar archive.

    Raises:
        SettingsError: nothing of the kind.
    """
    if not given:
        raise SettingsError("no image was given; name a folder, files, a pattern, a list (.txt) or a tar archive")
    if len(given) > 1:
        missing = [name for name in given if not glob.has_magic(name) and not os.path.exists(name)]
        if missing:
            raise SettingsError(f"{missing[0]} does not exist; check the path, seen from {os.getcwd()}")
        return Source("files", Path.cwd(), tuple(given))
    (name,) = given
    path = Path(name)
    if path.is_dir():
        return Source("folder", path.resolve())
    if name.lower().endswith(COMPRESSED_TAR):
        raise SettingsError(
            f"{name} is compressed, so that no image can be read by itself; decompress it to .tar first"
        )
    if path.is_file():
        return _of_file(path)
    if glob.has_magic(name):
        return Source("files", Path.cwd(), (name,))
    raise SettingsError(f"{name} does not exist; name a folder, files, a pattern, a list (.txt) or a tar archive")


def _of_file(path: Path) -> Source:
    if path.suffix.lower() == ".tar":
        return Source("archive", path.resolve())
    if path.suffix.lower() == ".txt":
        return Source("list", path.parent.resolve(), (path.name,))
    if is_picture_name(path.name):
        return Source("files", Path.cwd(), (str(path),))
    raise SettingsError(
        f"{path} is no picture, list or archive by its name; give a folder, pictures, a pattern, a list (.txt) "
        "or a .tar"
    )


def is_picture_name(name: str) -> bool:
    """Whether a file's name is that of a picture, and not hidden."""
    base = name.rpartition("/")[2]
    return not base.startswith(".") and os.path.splitext(base)[1].lower() in PICTURE_SUFFIXES
