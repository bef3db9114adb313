"""One process: claim a shard, annotate its remaining images, seal it, until no shard is left.

Decoding, inference and writing overlap. Rows are written in pieces of limited size and time, so that little is repeated
after a power cut, a kill or a full disk.
"""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Self

import torch

from samara.annotation.inputs.prefetch import Fetched, Reading
from samara.annotation.run.annotator import Annotator, is_out_of_memory
from samara.annotation.store.locks import claim, forget
from samara.annotation.store.plan import PlannedImage, Shard
from samara.annotation.store.rows import ImageRow, mask_schema, mask_table
from samara.annotation.store.shard_files import ShardFiles
from samara.annotation.store.store import AnnotationStore
from samara.errors import AnnotationStopped, ImageError, OutputError, PromptError, SamaraError
from samara.masks.mask_set import MaskSet

if TYPE_CHECKING:
    import pyarrow as pa

# Limits of a piece: the most that is lost when a process dies.
PIECE_SECONDS = 20.0
PIECE_IMAGES = 256
PIECE_BYTES = 64 << 20

# Interval for checking whether another process has released a shard.
WAIT_SECONDS = 1.0

# A library error on odd input quarantines the image; this many in a row point to the machine or to samara.
MAX_FAULTS_IN_A_ROW = 5
_FAULTS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, OSError)


@dataclass(frozen=True)
class Tally:
    """Progress: images, their masks, and how many of the images were quarantined."""

    images: int = 0
    masks: int = 0
    quarantined: int = 0

    @property
    def found(self) -> str:
        """Describe the counts in words."""
        return f"{self.masks:,} masks, {self.quarantined:,} quarantined"

    def __add__(self, other: Tally) -> Tally:
        """Return the sum."""
        return Tally(self.images + other.images, self.masks + other.masks, self.quarantined + other.quarantined)


@dataclass(frozen=True)
class Work:
    """Options of a process; nothing here changes a row.

    Attributes:
        reading: how images are read and decoded.
        in_flight: number of images annotated concurrently, besides the writing thread. Two let a GPU compute while the
            previous masks are run-length encoded; a CPU gains nothing. 0: strictly one image at a time, so that it is
            known which image killed a process.
        poison: images that killed a process before, with the reason.
        started: called with an image's id before it is processed.
        tell: called with the progress since the last call.
    """

    reading: Reading
    in_flight: int = 1
    poison: Mapping[int, str] = field(default_factory=dict)
    started: Callable[[int], None] | None = None
    tell: Callable[[Tally], None] | None = None


_Result = tuple[ImageRow, "pa.Table", bool]
"""Row, masks, and whether the image failed for an unknown reason."""


def annotate_store(store: AnnotationStore, annotator: Annotator, work: Work) -> None:
    """Annotate the remaining images of a store, alongside any number of other processes.

    Returns when every image is annotated or quarantined, by any process.

    Raises:
        OutputError: the rows cannot be written; complete pieces are safe.
        AnnotationStopped: several images in a row failed for unknown reasons.
    """
    try:
        while not _annotate_what_is_free(store, annotator, work):
            time.sleep(WAIT_SECONDS)
    except OutputError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"{error}; finished images are saved: free disk space and continue with `resume=True`"
            ) from error
        raise


def _annotate_what_is_free(store: AnnotationStore, annotator: Annotator, work: Work) -> bool:
    """Annotate all unclaimed shards; return whether none is left."""
    is_complete = True
    for shard in store.shards():
        if store.files(shard.number).is_sealed:
            continue
        with claim(store.claim_path(shard.number)) as is_ours:
            if is_ours:
                annotate_shard(store.files(shard.number), shard, annotator, work)
                forget(store.claim_path(shard.number))
            else:
                is_complete = False
    return is_complete


def annotate_shard(files: ShardFiles, shard: Shard, annotator: Annotator, work: Work) -> None:
    """Annotate the remaining images of a shard and seal it; the caller holds its claim."""
    if not files.is_sealed:
        files.remove_leftovers()
        done = {row.image_id for piece in files.pieces() for row in piece.read_images()}
        missing = [entry for entry in shard.entries() if entry.image_id not in done]
        with _Journal(files) as journal, closing(_annotated(missing, annotator, work)) as results:
            for row, masks in results:
                journal.add(row, masks)
                if work.tell is not None:
                    work.tell(Tally(1, row.masks, int(row.status == "quarantined")))
    files.seal()


def _annotated(
    entries: Iterable[PlannedImage], annotator: Annotator, work: Work
) -> Generator[tuple[ImageRow, pa.Table], None, None]:
    """Annotate images in order, some ahead of the caller."""
    faults = 0
    with closing(_fetched(entries, work)) as images, closing(_results(images, annotator, work)) as results:
        for row, masks, is_fault in results:
            faults = faults + 1 if is_fault else 0
            if faults >= MAX_FAULTS_IN_A_ROW:
                raise AnnotationStopped(
                    f"{faults} images in a row failed, the last one, {row.path!r}, with: {row.reason}; check the "
                    "checkpoint and the machine, then continue with `resume=True`"
                )
            yield row, masks


def _results(images: Iterator[Fetched], annotator: Annotator, work: Work) -> Generator[_Result, None, None]:
    if not work.in_flight:
        yield from (annotate_image(annotator, image) for image in images)
        return
    with ThreadPoolExecutor(work.in_flight, thread_name_prefix="samara-annotate") as pool:
        ahead: deque[Future[_Result]] = deque()
        try:
            for image in images:
                ahead.append(pool.submit(annotate_image, annotator, image))
                if len(ahead) > work.in_flight:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _fetched(entries: Iterable[PlannedImage], work: Work) -> Generator[Fetched, None, None]:
    """Yield images ready to be annotated, in order; poison images are not read."""
    for is_poison, group in groupby(entries, key=lambda entry: entry.image_id in work.poison):
        if is_poison:
            yield from (Fetched(entry, reason=work.poison[entry.image_id]) for entry in group)
        else:
            yield from work.reading.fetched(_noted(group, work))


def _noted(entries: Iterable[PlannedImage], work: Work) -> Iterator[PlannedImage]:
    for entry in entries:
        if work.started is not None:
            work.started(entry.image_id)
        yield entry


def annotate_image(annotator: Annotator, image: Fetched) -> _Result:
    """Annotate one image, or record in its row why not.

    Retries once with smaller batches when memory runs out.
    """
    decoded, start = image.image, time.perf_counter()
    if decoded is None:
        return *_quarantined(image, image.reason or "it cannot be read"), False
    is_fault, reason = False, ""
    for attempt in (annotator, annotator.with_smaller_batches()):
        try:
            masks = attempt.annotate(decoded, image.entry.asked)
            return *_done(image, masks, time.perf_counter() - start), False
        except (ImageError, PromptError) as error:
            return *_quarantined(image, str(error)), False
        except SamaraError:
            raise  # not this image's fault
        except (MemoryError, *_FAULTS) as error:
            if not is_out_of_memory(error):
                if _is_broken_gpu(error):
                    raise AnnotationStopped(
                        f"the GPU failed ({_first_line(error)}); check it, then continue with `resume=True`"
                    ) from error
                is_fault, reason = True, f"unexpected {type(error).__name__}: {error!s:.200}"
                break
            reason = (
                f"not enough memory, even in small batches ({_first_line(error)}); try `AnnotationSettings(tile=...)`"
            )
        _free_memory()
    return *_quarantined(image, reason), is_fault


def _done(image: Fetched, masks: MaskSet, seconds: float) -> tuple[ImageRow, pa.Table]:
    row = _row(image, masks=len(masks), seconds=seconds)
    classes = [masks.class_name(index) for index in range(len(masks))] if masks.class_names else None
    return row, mask_table(row, masks, image.entry.asked, classes)


def _quarantined(image: Fetched, reason: str) -> tuple[ImageRow, pa.Table]:
    return _row(image, status="quarantined", reason=shown(reason)), mask_schema().empty_table()


def _row(image: Fetched, **facts: object) -> ImageRow:
    known: dict[str, object] = {"path": shown(image.entry.name)}
    if image.encoded is not None:
        known |= {"sha256": image.encoded.sha256, "size_bytes": image.encoded.size_bytes}
    if image.image is not None:
        height, width = image.image.size_hw
        known |= {"height": height, "width": width, "difference_hash": image.image.difference_hash}
        known["georeference"] = image.image.georeference
    return ImageRow(image_id=image.entry.image_id, **known, **facts)  # type: ignore[arg-type]  # fields by name


def shown(text: str) -> str:
    """Escape bytes that are not valid text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def _is_broken_gpu(error: BaseException) -> bool:
    """Return whether the GPU is in a state in which all later work would fail too."""
    return isinstance(error, RuntimeError) and ("CUDA error" in str(error) or "cuDNN error" in str(error))


def _free_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class _Journal:
    """Rows to be written to disk in pieces."""

    def __init__(self, files: ShardFiles) -> None:
        self.files = files
        self._begin()

    def _begin(self) -> None:
        self.rows: list[ImageRow] = []
        self.masks: list[pa.Table] = []
        self.bytes = 0
        self.since = time.monotonic()

    def add(self, row: ImageRow, masks: pa.Table) -> None:
        self.rows.append(row)
        self.masks.append(masks)
        self.bytes += masks.nbytes
        is_late = time.monotonic() - self.since > PIECE_SECONDS
        if is_late or len(self.rows) >= PIECE_IMAGES or self.bytes >= PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.rows:
            self.files.add_piece(self.rows, self.masks)
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Also on an interrupt, to keep finished images; but not if the disk failed.
        if not isinstance(error, OutputError):
            self.flush()
