"""The images of a store, as the server shows them and hands them to the network; nothing else can be read."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from samara.annotation.editing.editor import StoreEditor
from samara.annotation.editing.listing import ListedImage
from samara.annotation.exporting import source_of
from samara.errors import ImageError
from samara.images.contrast import made_visible
from samara.images.encode import jpeg_bytes
from samara.images.read import image_size
from samara.images.reduced import reduced
from samara.serving.refusals import not_found
from samara.serving.remembered import Remembered

Pixels = npt.NDArray[np.uint8]

THUMBNAIL_PX = 128
QUALITY, THUMBNAIL_QUALITY = 92, 80
# Of encoded images in memory: a JPEG of 12 megapixels takes 3 MB, a thumbnail 4 kB.
_IMAGES, _THUMBNAILS = 8, 4096


@dataclass(frozen=True, slots=True)
class Version:
    """An image as it is now.

    Attributes:
        image_id: its id.
        changed_ns: time of its last change; 0 in an archive.
        size_bytes: size of its file; 0 in an archive.
    """

    image_id: int
    changed_ns: int = 0
    size_bytes: int = 0

    @property
    def tag(self) -> str:
        """Name for caches of browsers."""
        return f'"{self.image_id}-{self.changed_ns:x}-{self.size_bytes:x}"'


class ServedFolder:
    """The images of a store by their ids. Threads may share it.

    Args:
        editor: editor of the store.
        max_pixels: refuse larger images.
    """

    def __init__(self, editor: StoreEditor, max_pixels: int) -> None:
        self._editor = editor
        self._source = source_of(editor.store)
        self._root = Path(os.path.realpath(self._source.root))
        own = editor.reading.max_pixels
        self._reading = replace(editor.reading, max_pixels=max_pixels if own is None else min(own, max_pixels))
        self._images: Remembered[tuple[Version, int], bytes] = Remembered(_IMAGES)
        self._thumbnails: Remembered[tuple[Version, int], bytes] = Remembered(_THUMBNAILS)

    def entry(self, image_id: int) -> ListedImage:
        """Return an image of the list, with its size or why it cannot be read.

        Raises:
            Refused: there is none of this id.
        """
        listing = self._editor.listing
        if not 1 <= image_id <= len(listing):
            raise not_found(f"there is no image {image_id}; `GET /images` lists them")
        entry = listing.require(image_id)
        if entry.size_hw is None and entry.state != "unreadable":
            entry = self._sized(entry)
            listing.put(entry)
        return entry

    def version(self, image_id: int) -> Version:
        """Return which version of an image is there now.

        Raises:
            Refused: there is none of this id.
            ImageError: its file cannot be read.
        """
        path = self._path(self.entry(image_id))
        if path is None:
            return Version(image_id)
        facts = path.stat()
        return Version(image_id, facts.st_mtime_ns, facts.st_size)

    def pixels(self, image_id: int) -> Pixels:
        """Read an image as its network sees it: (H, W, 3) RGB.

        Raises:
            Refused: there is none of this id.
            ImageError: it cannot be read.
        """
        entry = self.entry(image_id)
        self._path(entry)
        fetched = self._reading.fetch(self._editor.listing.planned(image_id))
        if fetched.image is None:
            raise ImageError(fetched.reason or f"{entry.name!r} cannot be read")
        height, width = fetched.image.size_hw
        return fetched.image.window((0, 0, width, height))

    def jpeg(self, image_id: int, longest: int) -> bytes:
        """Return an image for looking at, upright, as JPEG.

        Args:
            image_id: its id.
            longest: largest side in pixels.

        Raises:
            Refused, ImageError: see `pixels`.
        """
        return self._shown(self._images, image_id, longest, QUALITY)

    def thumbnail(self, image_id: int) -> bytes:
        """Return a thumbnail of an image as JPEG; see `jpeg`."""
        return self._shown(self._thumbnails, image_id, THUMBNAIL_PX, THUMBNAIL_QUALITY)

    def _shown(self, kept: Remembered[tuple[Version, int], bytes], image_id: int, longest: int, quality: int) -> bytes:
        key = self.version(image_id), longest
        known = kept.get(key)
        if known is not None:
            return known
        return kept.put(key, jpeg_bytes(made_visible(reduced(self.pixels(image_id), longest)), quality))

    def _sized(self, entry: ListedImage) -> ListedImage:
        """Find the size of an image in its header."""
        try:
            path = self._path(entry)
            data = self._reading.read(self._editor.listing.planned(entry.image_id)).data if path is None else path
            return replace(entry, size_hw=image_size(data, frame=self._reading.frame))
        except ImageError as error:
            return replace(entry, state="unreadable", reason=str(error).replace(f"{self._root}{os.sep}", ""))

    def _path(self, entry: ListedImage) -> Path | None:
        """Return the file of an image; None for one in an archive."""
        path = self._source.path_of(self._editor.listing.planned(entry.image_id).name)
        if path is None:
            return None
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self._root):
            raise ImageError(f"{entry.name!r} is a link out of the folder of the images, and is not read")
        if not real.is_file():
            raise ImageError(f"{entry.name!r} is no longer there")
        return real
