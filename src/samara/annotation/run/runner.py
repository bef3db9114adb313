"""One process: claim a shard, annotate its remaining images, seal it, until no shard is left.

Reading, inference and writing overlap. Rows are written in pieces of limited size and time, so that little is repeated
after a power cut, a kill or a full disk.
"""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from samara.annotation.inputs.decoded import ImageByWindow
from samara.annotation.inputs.prefetch import Fetched, Reading
from samara.annotation.run.annotator import Annotator
from samara.annotation.run.batch import FAULTS, Result, annotate_batch, batches_of
from samara.annotation.run.spent import Clock, Spent
from samara.annotation.store.locks import claim, forget
from samara.annotation.store.plan import PlannedImage, Shard
from samara.annotation.store.rows import ImageRow
from samara.annotation.store.shard_files import ShardFiles
from samara.annotation.store.store import AnnotationStore
from samara.errors import AnnotationStopped, OutputError, SamaraError

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


@dataclass(frozen=True)
class Tally:
    """Progress: images, their masks, how many of the images were quarantined, and where the time went."""

    images: int = 0
    masks: int = 0
    quarantined: int = 0
    spent: Spent = field(default=Spent(), compare=False)

    @property
    def found(self) -> str:
        """Describe the counts in words."""
        return f"{self.masks:,} masks, {self.quarantined:,} quarantined"

    def __add__(self, other: Tally) -> Tally:
        """Return the sum."""
        return Tally(
            self.images + other.images,
            self.masks + other.masks,
            self.quarantined + other.quarantined,
            self.spent + other.spent,
        )


@dataclass(frozen=True)
class Work:
    """Options of a process; nothing here changes a row.

    Attributes:
        reading: how images are read and decoded.
        in_flight: number of batches annotated concurrently, besides the reading and writing threads. Two let a GPU
            compute while the previous masks are run-length encoded; a CPU gains nothing. 0: strictly one image at a
            time, so that it is known which image killed a process.
        poison: images that killed a process before, with the reason.
        started: called with an image's id before it is processed.
        tell: called with the progress since the last call.
        batch: maximum images of a batch, which share a pass of the image encoder.
        up_to: id of the last image to annotate; None for all.
        clock: where the time is counted.
    """

    reading: Reading
    in_flight: int = 1
    poison: Mapping[int, str] = field(default_factory=dict)
    started: Callable[[int], None] | None = None
    tell: Callable[[Tally], None] | None = None
    batch: int = 1
    up_to: int | None = None
    clock: Clock = field(default_factory=Clock)

    def includes(self, image_id: int) -> bool:
        """Return whether an image is to be annotated."""
        return self.up_to is None or image_id <= self.up_to

    def report(self, progress: Tally) -> None:
        """Tell the progress, with the time since the last call."""
        if self.tell is not None:
            self.tell(replace(progress, spent=self.clock.taken()))


def annotate_store(store: AnnotationStore, annotator: Annotator, work: Work) -> None:
    """Annotate the remaining images of a store, alongside any number of other processes.

    Returns when every image is annotated or quarantined, by any process, as far as `Work.up_to`.

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
        if store.files(shard.number).is_sealed or not work.includes(shard.first_id):
            continue
        with claim(store.claim_path(shard.number)) as is_ours:
            if is_ours:
                annotate_shard(store.files(shard.number), shard, annotator, work)
                forget(store.claim_path(shard.number))
            else:
                is_complete = False
    return is_complete


def annotate_shard(files: ShardFiles, shard: Shard, annotator: Annotator, work: Work) -> None:
    """Annotate the remaining images of a shard and seal it, unless a limit leaves some; the caller holds its claim."""
    if not files.is_sealed:
        files.remove_leftovers()
        done = files.done_ids()
        missing = [one for one in shard.entries() if one.image_id not in done and work.includes(one.image_id)]
        with _Journal(files, work.clock) as journal, closing(_annotated(missing, annotator, work)) as batches:
            for batch in batches:
                journal.add(batch)
                for row, _ in batch:
                    work.report(Tally(1, row.masks, int(row.status == "quarantined")))
        work.report(Tally())  # the time of the last piece
    if work.includes(shard.last_id):
        files.seal()


def _annotated(
    entries: Iterable[PlannedImage], annotator: Annotator, work: Work
) -> Generator[list[tuple[ImageRow, pa.Table]], None, None]:
    """Annotate images in order, batch by batch, some ahead of the caller."""
    faults = 0
    with (
        closing(_fetched(entries, annotator, work)) as images,
        closing(_results(batches_of(images, work.batch), annotator, work)) as results,
    ):
        for batch in results:
            for row, _, is_fault in batch:
                faults = faults + 1 if is_fault else 0
                if faults >= MAX_FAULTS_IN_A_ROW:
                    raise AnnotationStopped(
                        f"{faults} images in a row failed, the last one, {row.path!r}, with: {row.reason}; check the "
                        "checkpoint and the machine, then continue with `resume=True`"
                    )
            yield [(row, masks) for row, masks, _ in batch]


def _results(batches: Iterator[list[Fetched]], annotator: Annotator, work: Work) -> Generator[list[Result], None, None]:
    if not work.in_flight:
        yield from (annotate_batch(annotator, batch, work.clock) for batch in _awaited(batches, work.clock))
        return
    with ThreadPoolExecutor(work.in_flight, thread_name_prefix="samara-annotate") as pool:
        ahead: deque[Future[list[Result]]] = deque()
        try:
            for batch in _awaited(batches, work.clock):
                ahead.append(pool.submit(annotate_batch, annotator, batch, work.clock))
                if len(ahead) > work.in_flight:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _awaited(batches: Iterator[list[Fetched]], clock: Clock) -> Iterator[list[Fetched]]:
    """Pass the batches on, and count the time in which there was none to work on."""
    asked = time.perf_counter()
    for batch in batches:
        clock.waited(asked)
        yield batch
        asked = time.perf_counter()


def _fetched(entries: Iterable[PlannedImage], annotator: Annotator, work: Work) -> Generator[Fetched, None, None]:
    """Yield images ready to be annotated, in order; poison images are not read."""

    def ready(image: ImageByWindow, entry: PlannedImage) -> Any:  # Any: each kind of segmenter has its own
        with suppress(SamaraError, MemoryError, *FAULTS):  # seen again, and told, when the image is annotated alone
            return annotator.ready(image, entry.asked)

    for is_poison, group in groupby(entries, key=lambda entry: entry.image_id in work.poison):
        if is_poison:
            yield from (Fetched(entry, reason=work.poison[entry.image_id]) for entry in group)
        else:
            yield from work.reading.fetched(_noted(group, work), ready)


def _noted(entries: Iterable[PlannedImage], work: Work) -> Iterator[PlannedImage]:
    for entry in entries:
        if work.started is not None:
            work.started(entry.image_id)
        yield entry


class _Journal:
    """Rows to be written to disk in pieces, by a thread of its own.

    At most one piece is being written while the next one is gathered. A piece ends with a batch, so that a resumed run
    has the same batches.
    """

    def __init__(self, files: ShardFiles, clock: Clock) -> None:
        self.files, self.clock = files, clock
        self.writer = ThreadPoolExecutor(1, thread_name_prefix="samara-write")
        self.writing: Future[None] | None = None
        self._begin()

    def _begin(self) -> None:
        self.rows: list[ImageRow] = []
        self.masks: list[pa.Table] = []
        self.bytes = 0
        self.since = time.monotonic()

    def add(self, batch: Sequence[tuple[ImageRow, pa.Table]]) -> None:
        """Add the rows of a batch, and write the piece if it is large or old enough."""
        self.rows += [row for row, _ in batch]
        self.masks += [masks for _, masks in batch]
        self.bytes += sum(masks.nbytes for _, masks in batch)
        if self.writing is not None and self.writing.done():
            self._wait()  # an error is raised at once
        is_late = time.monotonic() - self.since > PIECE_SECONDS
        if is_late or len(self.rows) >= PIECE_IMAGES or self.bytes >= PIECE_BYTES:
            self._write()

    def _write(self) -> None:
        """Begin to write the piece, after the one before."""
        self._wait()
        if self.rows:
            self.writing = self.writer.submit(self._add_piece, self.rows, self.masks)
        self._begin()

    def _add_piece(self, rows: list[ImageRow], masks: list[pa.Table]) -> None:
        with self.clock.on("writing"):
            self.files.add_piece(rows, masks)

    def _wait(self) -> None:
        writing, self.writing = self.writing, None
        if writing is not None:
            writing.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # Also on an interrupt, to keep finished images; but not if the disk failed.
            if not isinstance(error, OutputError):
                self._write()
                self._wait()
        finally:
            self.writer.shutdown(wait=True)
