"""From fetched images to their rows and masks: several together where the network can, each alone where that fails."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from samara.annotation.inputs.prefetch import Fetched
from samara.annotation.run.annotator import Annotator, is_out_of_memory
from samara.annotation.run.spent import Clock
from samara.annotation.store.rows import ImageRow, mask_schema, mask_table
from samara.errors import AnnotationStopped, ImageError, PromptError, SamaraError
from samara.masks.mask_set import MaskSet

if TYPE_CHECKING:
    import pyarrow as pa

# Of a batch: eight photos of 12 megapixels. Three batches are in memory at a time, each of 0.3 GB at most.
MAX_PIXELS_TOGETHER = 96_000_000

# A library error on odd input quarantines the image.
FAULTS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, OSError)
_ANY = (SamaraError, MemoryError, *FAULTS)

Result = tuple[ImageRow, "pa.Table", bool]
"""Row, masks, and whether the image failed for an unknown reason."""


@dataclass(frozen=True, eq=False)
class _Head:
    """What was computed of an image together with others.

    Attributes:
        seen: the embedded image; None if it is still to be embedded.
        masks: its masks; None if they are still to be found.
        seconds: its share of the time.
    """

    seen: Any = None  # Any: each kind of segmenter has its own
    masks: MaskSet | None = None
    seconds: float = 0.0


def batches_of(images: Iterable[Fetched], size: int) -> Iterator[list[Fetched]]:
    """Group images into batches whose bounds depend on the images alone, not on where a run was interrupted.

    The last bits of an embedding can depend on the size of its batch. So a batch is a block of consecutive ids, parted
    only where it would be too large.

    Args:
        images: by ascending id.
        size: maximum images per batch, at least 1.
    """
    batch: list[Fetched] = []
    pixels = 0
    for image in images:
        own = 0 if image.image is None else image.image.size_hw[0] * image.image.size_hw[1]
        if batch and (_block(batch[0], size) != _block(image, size) or pixels + own > MAX_PIXELS_TOGETHER):
            yield batch
            batch, pixels = [], 0
        batch.append(image)
        pixels += own
        if image.entry.image_id % size == 0:  # the last of its block need not wait for the next image
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _block(image: Fetched, size: int) -> int:
    return (image.entry.image_id - 1) // size


def annotate_batch(annotator: Annotator, images: Sequence[Fetched], clock: Clock) -> list[Result]:
    """Annotate several images; one that fails does not affect the others.

    Args:
        annotator: annotator.
        images: the images, in order.
        clock: where the time is counted.

    Returns:
        The result of each image, in order.

    Raises:
        AnnotationStopped: the GPU failed.
        SamaraError: another error that is not an image's own.
    """
    with clock.working():
        heads = _seen_together(annotator, [image for image in images if image.ready is not None], clock)
        seen = [image for image in images if image.entry.image_id in heads]
        heads |= _answered_together(annotator, seen, heads, clock)
        return [annotate_image(annotator, image, heads.get(image.entry.image_id, _Head()), clock) for image in images]


def _seen_together(annotator: Annotator, images: Sequence[Fetched], clock: Clock) -> dict[int, _Head]:
    """Embed images in one pass, or in halves where that fails; a single one is left to `annotate_image`."""
    if len(images) < 2:
        return {}
    start = time.perf_counter()
    try:
        with clock.on("encoding"):
            seen = annotator.segmenter.embed_ready([image.ready for image in images])
    except _ANY:
        free_memory()
        half = len(images) // 2
        return _seen_together(annotator, images[:half], clock) | _seen_together(annotator, images[half:], clock)
    share = (time.perf_counter() - start) / len(images)
    return {image.entry.image_id: _Head(one, None, share) for image, one in zip(images, seen, strict=True)}


def _answered_together(
    annotator: Annotator, images: Sequence[Fetched], heads: dict[int, _Head], clock: Clock
) -> dict[int, _Head]:
    """Answer the prompts of several images together; nothing if that fails, and each is tried alone."""
    if annotator.settings.asking != "prompts" or len(images) < 2:
        return {}
    start = time.perf_counter()
    of_images = [heads[image.entry.image_id] for image in images]
    try:
        with clock.on("masks"):
            answers = annotator.answer_together(
                [image.image for image in images if image.image is not None],
                [image.entry.asked for image in images],
                [head.seen for head in of_images],
            )
    except _ANY:
        free_memory()
        return {}
    share = (time.perf_counter() - start) / len(images)
    return {
        image.entry.image_id: replace(head, masks=masks, seconds=head.seconds + share)
        for image, head, masks in zip(images, of_images, answers, strict=True)
    }


def annotate_image(annotator: Annotator, image: Fetched, head: _Head = _Head(), clock: Clock | None = None) -> Result:
    """Annotate one image, or record in its row why not.

    Retries once with smaller batches when memory runs out.

    Args:
        annotator: annotator.
        image: the image.
        head: what is known already.
        clock: where the time is counted; None for nowhere.

    Raises:
        AnnotationStopped, SamaraError: see `annotate_batch`.
    """
    clock, start = clock or Clock(), time.perf_counter() - head.seconds
    if image.image is None:
        return *_quarantined(image, image.reason or "it cannot be read"), False
    is_fault, reason = False, ""
    for attempt in (annotator, annotator.with_smaller_batches()):
        try:
            masks = _masks(attempt, image, head, clock)
            return *_done(image, masks, time.perf_counter() - start), False
        except (ImageError, PromptError) as error:
            return *_quarantined(image, str(error)), False
        except SamaraError:
            raise  # not this image's fault
        except (MemoryError, *FAULTS) as error:
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
        free_memory()
    return *_quarantined(image, reason), is_fault


def _masks(annotator: Annotator, image: Fetched, head: _Head, clock: Clock) -> MaskSet:
    assert image.image is not None, "checked by the caller"
    if head.masks is not None:
        return head.masks
    seen = head.seen
    if seen is None and image.ready is not None:
        with clock.on("encoding"):
            (seen,) = annotator.segmenter.embed_ready([image.ready])
    with clock.on("masks"):
        return annotator.annotate(image.image, image.entry.asked, seen)


def _done(image: Fetched, masks: MaskSet, seconds: float) -> tuple[ImageRow, pa.Table]:
    row = image_row(image, masks=len(masks), seconds=seconds)
    classes = [masks.class_name(index) for index in range(len(masks))] if masks.class_names else None
    return row, mask_table(row, masks, image.entry.asked, classes)


def _quarantined(image: Fetched, reason: str) -> tuple[ImageRow, pa.Table]:
    return image_row(image, status="quarantined", reason=shown(reason)), mask_schema().empty_table()


def image_row(image: Fetched, **facts: object) -> ImageRow:
    """Build the row of an image from what is known of it; `facts` are other fields by name."""
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


def free_memory() -> None:
    """Return the GPU's cached memory."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
