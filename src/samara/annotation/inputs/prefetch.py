"""Reading, decoding and resizing images ahead of the network, in order and in bounded memory.

Two queues of futures: files being read (and hashed), and images being decoded. An image is decoded
ahead only while the waiting images stay below a pixel limit; a larger image is decoded alone.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samara.annotation.inputs.decoded import DecodedImage, ImageByWindow, ImageOnDisk, difference_hash
from samara.annotation.inputs.sources import Encoded
from samara.annotation.store.plan import PlannedImage
from samara.datasets.georeference import read_georeference
from samara.errors import DatasetError, ImageError
from samara.images.read import ValueRange, image_size, read_image
from samara.images.tiff_pages import is_tiff
from samara.images.windows import open_windows
from samara.system.extras import is_installed

# 256 megapixels take 0.8 GB: 21 photos of 12 megapixels.
MAX_PIXELS_AHEAD = 256_000_000


@dataclass(frozen=True, eq=False)
class Fetched:
    """A decoded image, or the reason why there is none.

    Attributes:
        entry: its entry in the plan.
        encoded: its file; None if it could not be read.
        image: its pixels; None if they could not be decoded.
        reason: why there are no pixels.
        ready: what was computed of the pixels ahead, see `Reading.fetched`.
    """

    entry: PlannedImage
    encoded: Encoded | None = None
    image: ImageByWindow | None = None
    reason: str | None = None
    ready: Any = None  # Any: each kind of segmenter has its own


Readying = Callable[[ImageByWindow, PlannedImage], Any]
"""What reading threads do with an image once it is decoded; it must not raise."""


@dataclass(frozen=True)
class Reading:
    """How images are read.

    Attributes:
        read: function from an entry of the plan to its file.
        max_pixels: limit above which images are refused before decoding; None for no limit.
        threads: number of threads that read and decode; 0 to read only on demand.
        value_range: values of black and white, see `samara.read_image`.
        frame: index of the frame or page, see `samara.read_image`.
        by_windows: whether to read TIFFs from disk window by window, if rasterio is installed.
    """

    read: Callable[[PlannedImage], Encoded]
    max_pixels: int | None
    threads: int = 2
    value_range: ValueRange | None = None
    frame: int | None = None
    by_windows: bool = False

    def fetch(self, entry: PlannedImage, readying: Readying | None = None) -> Fetched:
        """Read and decode one image; see `fetched`."""
        encoded = self.encoded(entry)
        return encoded if isinstance(encoded, Fetched) else self.decoded(encoded, readying)

    def encoded(self, entry: PlannedImage) -> Encoded | Fetched:
        """Read one file, or return why it cannot be read."""
        try:
            return self.read(entry)
        except ImageError as error:
            return Fetched(entry, reason=str(error))

    def decoded(self, encoded: Encoded, readying: Readying | None = None) -> Fetched:
        """Decode one image, or return why it cannot be decoded; see `fetched`."""
        entry = encoded.entry
        try:
            image = self._image(encoded)
        except ImageError as error:
            return Fetched(entry, encoded, reason=_named(str(error), encoded))
        return Fetched(entry, encoded, image, ready=None if readying is None else readying(image, entry))

    def _image(self, encoded: Encoded) -> ImageByWindow:
        place = georeference_of(encoded)
        if self.by_windows and encoded.path is not None and is_windowed(encoded.path):
            windows = open_windows(encoded.path, self.value_range, self.frame)
            if windows is not None:
                return ImageOnDisk(windows, georeference=place)
        pixels = read_image(encoded.data, max_pixels=self.max_pixels, value_range=self.value_range, frame=self.frame)
        return DecodedImage(pixels, difference_hash(pixels), place)

    def fetched(
        self, entries: Iterable[PlannedImage], readying: Readying | None = None
    ) -> Generator[Fetched, None, None]:
        """Read and decode images ahead, in order. Close the iterator to stop the threads.

        Args:
            entries: the images.
            readying: called in a reading thread with each decoded image; its result becomes `Fetched.ready`.
        """
        if not self.threads:
            yield from (self.fetch(entry, readying) for entry in entries)
            return
        with ThreadPoolExecutor(self.threads, thread_name_prefix="samara-read") as pool:
            try:
                yield from _Ahead(self, pool, readying).run(iter(entries))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


class _Ahead:
    """The two queues of one iteration."""

    def __init__(self, reading: Reading, pool: ThreadPoolExecutor, readying: Readying | None) -> None:
        self.reading, self.pool, self.readying = reading, pool, readying
        self.files: deque[Future[Encoded | Fetched]] = deque()
        self.images: deque[tuple[int, Future[Fetched]]] = deque()

    def run(self, entries: Iterator[PlannedImage]) -> Iterator[Fetched]:
        ahead = 2 * self.reading.threads
        while True:
            while len(self.files) < 2 * ahead and (entry := next(entries, None)) is not None:
                self.files.append(self.pool.submit(self.reading.encoded, entry))
            self._decode(ahead)
            if not self.images:
                return
            yield self.images.popleft()[1].result()

    def _decode(self, ahead: int) -> None:
        """Start decoding files that were read, as long as there is room."""
        while self.files and len(self.images) < ahead and (not self.images or self.files[0].done()):
            found = self.files[0].result()
            pixels = 0 if isinstance(found, Fetched) or self.reading.by_windows else _pixels(found, self.reading.frame)
            if self.images and pixels + sum(count for count, _ in self.images) > MAX_PIXELS_AHEAD:
                return
            self.files.popleft()
            self.images.append((pixels, self.pool.submit(self._finished, found)))

    def _finished(self, found: Encoded | Fetched) -> Fetched:
        return found if isinstance(found, Fetched) else self.reading.decoded(found, self.readying)


def is_windowed(path: Path) -> bool:
    """Return whether a file is a TIFF that can be read window by window here."""
    with path.open("rb") as file:
        return is_tiff(file.read(4)) and is_installed("rasterio")


def georeference_of(encoded: Encoded) -> str | None:
    """Return an image's georeference, or why it is unusable, as JSON; None if it has none."""
    try:
        found = read_georeference(encoded.path or encoded.data)
    except DatasetError as error:
        return json.dumps({"misplaced": str(error)})  # the masks are still right, in pixels
    return None if found is None else json.dumps({"transform": found.transform, "crs": found.crs})


def _pixels(encoded: Encoded, frame: int | None) -> int:
    """Return the number of pixels from the header; 0 if the file cannot be decoded."""
    try:
        height, width = image_size(encoded.data, frame=frame)
    except ImageError:
        return 0
    return height * width


def _named(reason: str, encoded: Encoded) -> str:
    """Replace byte counts and paths in a reason by the image's name."""
    name = repr(encoded.entry.name)
    return reason.replace(f"The data of {encoded.size_bytes} bytes", name).replace(repr(str(encoded.path)), name)
