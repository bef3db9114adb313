"""Sources of images: a folder, files, patterns, a list file, a tar archive, a COCO file. Listed in a fixed order.

Names are relative to the folder that contains all images, see `samara.images.paths.Given`, and are unique.
Nothing is unpacked; a name in an archive is never used as a path.
"""

from __future__ import annotations

import glob
import hashlib
import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from samara.annotation.store.plan import PlannedImage
from samara.datasets.reading.image_names import ImageFolder
from samara.datasets.reading.text_files import listed_names
from samara.errors import ImageError, SettingsError
from samara.images.names import way_out
from samara.images.paths import Finder, Given, Listing, absolute, base_of, common_folder, is_image_name

COMPRESSED_TAR = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
# Larger files are hashed and decoded from disk instead of being read into memory.
MAX_BYTES_IN_MEMORY = 64 << 20
# If more of the named files are missing, the folder is wrong, not the files.
MAX_MISSING = 0.5

SourceKind = Literal["folder", "files", "list", "archive", "coco"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image file before decoding.

    Attributes:
        entry: its entry in the plan.
        data: its bytes, or its path if it is large.
        sha256: 64 hexadecimal digits.
        size_bytes: its length.
        path: path of the file; None for one in an archive.
    """

    entry: PlannedImage
    data: bytes | Path
    sha256: str
    size_bytes: int
    path: Path | None = None


@dataclass(frozen=True)
class Source:
    """Images to annotate.

    Attributes:
        kind: kind of source.
        root: folder that names are relative to, or the archive.
        given: for "files" the user's paths, absolute; for "list" the path of the list; for "coco" the names in the
            file.
        file: path of the list or COCO file, as the user wrote it.
        listing: statistics filled by `entries`.
    """

    kind: SourceKind
    root: Path
    given: tuple[str, ...] = ()
    file: str = ""
    listing: Listing = field(default_factory=Listing, compare=False)

    def entries(self, leave_out: Path | None = None) -> Iterator[PlannedImage]:
        """List the images, each once, in a fixed order.

        Args:
            leave_out: a folder that is not searched, such as the one for the results.

        Raises:
            SettingsError: an archive or list cannot be read, or most of the named files are missing.
        """
        if self.kind == "archive":
            return self._in_archive()
        names = {"folder": self._in_folder, "files": self._named, "list": self._listed, "coco": self._in_coco}
        found = names[self.kind](Finder(self.listing, leave_out))
        return (PlannedImage(index, name) for index, name in enumerate(self._mostly_there(found), start=1))

    def path_of(self, name: str) -> Path | None:
        """Return the file of an image; None for one in an archive."""
        if self.kind == "archive":
            return None
        return (self._folder.find(name) if self.kind == "coco" else None) or self.root / name

    def read(self, entry: PlannedImage) -> Encoded:
        """Read one image file.

        Raises:
            ImageError: it cannot be read.
        """
        path = self.root if entry.at else self.path_of(entry.name) or self.root
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size if entry.at is None else entry.at[1]
                if entry.at is None and size > MAX_BYTES_IN_MEMORY:
                    return Encoded(entry, path, hashlib.file_digest(file, "sha256").hexdigest(), size, path)
                file.seek(entry.at[0] if entry.at else 0)
                data = file.read(size)
        except (OSError, ValueError) as error:  # ValueError: a null character in the name
            reason = error.strerror if isinstance(error, OSError) else error
            raise ImageError(
                f"{entry.name!r} cannot be read ({reason}{self._looked_for(path)}); check the path and its permissions."
            ) from error
        return Encoded(entry, data, hashlib.sha256(data).hexdigest(), len(data), None if entry.at else path)

    def facts(self) -> dict[str, str]:
        """Return what the manifest records and a resumed run must match."""
        return {"kind": self.kind, "root": str(self.root)}

    @cached_property
    def _folder(self) -> ImageFolder:
        return ImageFolder(self.root)

    def _looked_for(self, path: Path) -> str:
        if os.path.islink(path) and not os.path.exists(path):
            return f"; it is a link to {os.readlink(path)!r:.120}, which does not exist"
        return "" if os.path.exists(path) else f"; looked for in {str(self.root)!r:.200}"

    def _mostly_there(self, names: Iterator[str]) -> Iterator[str]:
        count, listing = 0, self.listing
        for count, name in enumerate(names, start=1):  # noqa: B007 - the total is used below
            yield name
        if listing.missing > MAX_MISSING * count:
            of = f"that {self.file} names " if self.file else ""
            remedy = {
                "coco": "pass their folder with `image_folder`",
                "list": "its names are relative to its own folder",
            }
            raise SettingsError(
                f"{listing.missing} of the {count} images {of}are missing; the first is "
                f"{listing.first_missing!r:.120}, looked for in {str(self.root)!r}; "
                f"{remedy.get(self.kind, 'check that the targets of links exist')}"
            )

    def _in_folder(self, finder: Finder) -> Iterator[str]:
        for path in finder.below(self.root):
            yield self._name(path)

    def _named(self, finder: Finder) -> Iterator[str]:
        yield from map(self._name, Given(self.given, self.root).find(finder))

    def _listed(self, finder: Finder) -> Iterator[str]:
        (path,) = self.given
        folder = Path(path).parent
        for line in listed_names(Path(path)):
            yield from map(self._name, finder.once(absolute(line, folder)))

    def _in_coco(self, finder: Finder) -> Iterator[str]:
        """Yield names as the file has them; `read` resolves them, so that a later run can use another folder.

        Raises:
            SettingsError: two names mean the same image, so it is unclear whose prompts apply.
        """
        names: dict[str, str] = {}
        for name in self.given:
            path = self._folder.find(name)
            if path is None:
                finder.listing.missing += 1
                finder.listing.first_missing = finder.listing.first_missing or name
            elif (other := names.setdefault(os.path.realpath(path), name)) != name:
                raise SettingsError(
                    f"{self.file} lists {str(path)!r:.120} twice, as {other!r:.80} and as {name!r:.80}; list each "
                    "image once, with all of its prompts"
                )
            yield name

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self.root).replace(os.sep, "/")

    def _in_archive(self) -> Iterator[PlannedImage]:
        try:
            with tarfile.open(self.root, "r:") as archive:
                found = 0
                for member in archive:
                    if member.isfile() and not member.issparse() and is_image_name(member.name):
                        found += 1
                        yield PlannedImage(found, member.name, (member.offset_data, member.size))
                    elif not member.isdir():
                        self.listing.ignore(member.name)
        except (OSError, tarfile.TarError) as error:
            raise SettingsError(f"{self.root} cannot be read as a tar archive ({error}); make it again") from error


def open_source(given: Sequence[str]) -> Source:
    """Determine the kind of source that the user gave.

    Args:
        given: a folder, which is searched recursively; image files, folders and patterns (`**` for any depth); a text
            file with one path per line, relative to that file; or an uncompressed tar archive.

    Raises:
        SettingsError: it is none of these.
    """
    if not given:
        raise SettingsError("no image was given; name a folder, files, a pattern, a list (.txt) or a tar archive")
    if len(given) > 1:
        files = Given.of(given)
        missing = [name for name in given if not glob.has_magic(name) and not os.path.lexists(name)]
        if missing:
            raise SettingsError(f"{missing[0]} does not exist; check the path (relative paths start at {os.getcwd()})")
        return Source("files", files.root, files.paths)
    (name,) = given
    path = Path(name)
    if path.is_dir():
        return Source("folder", path.resolve())
    if name.lower().endswith(COMPRESSED_TAR):
        raise SettingsError(
            f"{name} is compressed, so single images cannot be read from it; decompress it to .tar first"
        )
    if os.path.lexists(path):
        return _of_file(path)
    files = Given.of(given)
    if glob.has_magic(name):
        return Source("files", files.root, files.paths)
    raise SettingsError(f"{name} does not exist; name a folder, files, a pattern, a list (.txt) or a tar archive")


def coco_source(names: Sequence[str], root: Path, file: str) -> Source:
    """Build the source of the images that a COCO file lists.

    Args:
        names: names of the images, as in the file.
        root: folder of the images.
        file: path of the COCO file, for messages.
    """
    return Source("coco", root, tuple(names), file)


def _of_file(path: Path) -> Source:
    if path.suffix.lower() == ".tar":
        return Source("archive", path.resolve())
    if path.suffix.lower() == ".txt":
        folder = Path(os.path.realpath(path.parent))
        root = common_folder({base_of(line, folder) for line in listed_names(path)} or {str(folder)})
        return Source("list", root, (str(folder / path.name),), str(path))
    if is_image_name(path.name.lstrip(".")):
        files = Given.of([str(path)])
        return Source("files", files.root, files.paths)
    other = way_out(path.name)
    if other is not None:
        raise SettingsError(f"{path} cannot be annotated: {other}")
    raise SettingsError(
        f"{path} has no suffix of an image, list or archive; give a folder, images, a pattern, a list (.txt) or a .tar"
    )
