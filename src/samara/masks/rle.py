"""Masks as COCO run lengths, and back.

A run-length encoding walks through a mask column by column and lists how long its runs are, background first.
Encoding here avoids transposing, see `samara.masks.changes`, and is faster than pycocotools. All
arithmetic is 64-bit and validated: pycocotools 2.0.11 misreads runs beyond 2²⁹ pixels and trusts the file.

Source: COCO API, `maskApi.c` (the format only).
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

import cv2
import numpy as np

from samara.errors import SettingsError
from samara.masks.changes import changes, changes_on_device, masks_at_a_time
from samara.masks.run_alphabet import compress_runs, decompress_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# Maximum value that fits into the characters of one number.
_MAX_PIXELS = 1 << 34


class CocoRle(TypedDict):
    """The JSON form of a mask in a COCO file."""

    size: list[int]
    counts: str


@dataclass(frozen=True, slots=True)
class Rle:
    """A mask as compressed COCO run lengths; valid by construction.

    Attributes:
        height: H of the image.
        width: W of the image.
        counts: the run lengths, column by column, in COCO's compressed alphabet; zero-length runs are merged.
        area: foreground pixels.
        box_xyxy: smallest box around the foreground, right and bottom exclusive; (0, 0, 0, 0) if empty.

    Raises:
        SettingsError: the size is not positive, or the counts are damaged or do not add up to H · W.
    """

    height: int
    width: int
    counts: bytes
    area: int = field(init=False, repr=False, compare=False)
    box_xyxy: tuple[int, int, int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "height", _whole_number(self.height, "height"))
        object.__setattr__(self, "width", _whole_number(self.width, "width"))
        _require_size(self.height, self.width)
        runs = decompress_runs(self.counts)
        _require_runs(runs, self.height, self.width)
        edges = _edges_of_runs(runs)
        if not runs[1:].all():  # pycocotools compares masks with such runs wrongly
            object.__setattr__(self, "counts", _counts_of(edges, self.height, self.width))
        self._measure(edges)

    def _measure(self, edges: NDArray[np.int64]) -> None:
        """Fill area and box from the edges, strictly ascending."""
        object.__setattr__(self, "area", int((edges[1::2] - edges[0::2]).sum()))
        object.__setattr__(self, "box_xyxy", _box_of_edges(edges, self.height))

    @classmethod
    def from_edges(cls, edges: NDArray[np.int64], height: int, width: int) -> Rle:
        """Build a mask from the positions where background and foreground change.

        Args:
            edges: (2R,) ascending; start and exclusive end of each of R runs of foreground, as positions in
                column order, x · H + y. Adjacent runs are merged. If the last end is missing, that run extends to the
                end of the image.
            height: H of the image.
            width: W of the image.

        Returns:
            The mask.

        Raises:
            SettingsError: the edges descend or leave the image.
        """
        height, width = _whole_number(height, "height"), _whole_number(width, "width")
        _require_size(height, width)
        edges = _without_pairs(np.asarray(edges, np.int64))
        counts = _counts_of(edges, height, width)
        # The edges are at hand, so the counts need not be parsed again by the constructor.
        rle = object.__new__(cls)
        for name, value in (("height", height), ("width", width), ("counts", counts)):
            object.__setattr__(rle, name, value)
        rle._measure(_closed(edges, height * width))
        return rle

    @classmethod
    def from_coco(cls, coco: Mapping[str, object]) -> Rle:
        """Read the JSON form, compressed or not.

        Args:
            coco: `{"size": [H, W], "counts": ...}`, the counts compressed as text or bytes, or a list of run
                lengths. Zero-length runs are merged, so that equal masks are equal objects.

        Returns:
            The mask.

        Raises:
            SettingsError: a key is missing, or the counts are damaged or do not add up to H · W. Nothing of the claimed
                size is allocated before this check.
        """
        height, width = _coco_size(coco)
        runs = _coco_runs(coco, height, width)
        _require_runs(runs, height, width)
        return cls.from_edges(_edges_of_runs(runs), height, width)

    def to_coco(self) -> CocoRle:
        """Return the JSON form with compressed counts, as in COCO files."""
        return {"size": [self.height, self.width], "counts": self.counts.decode("ascii")}

    def uncompressed(self) -> list[int]:
        """Return the run lengths, column by column, background first; they add up to H · W."""
        lengths: list[int] = decompress_runs(self.counts).tolist()
        return lengths

    def edges(self) -> NDArray[np.int64]:
        """Return start and exclusive end of every run of foreground.

        Returns:
            (2R,), strictly ascending positions in column order, x · H + y.
        """
        return _edges_of_runs(decompress_runs(self.counts))

    def decode(self) -> NDArray[np.bool_]:
        """Decode the mask to an array.

        Returns:
            (H, W) bool, C-contiguous.
        """
        mask = np.zeros((self.height, self.width), np.bool_)
        left, _, right, _ = self.box_xyxy
        if right > left:
            runs = np.diff(self.edges(), prepend=left * self.height, append=right * self.height)
            columns = np.repeat(_alternating(runs.size), runs).reshape(right - left, self.height)
            # OpenCV transposes bytes seven times faster than numpy copies strided ones.
            mask[:, left:right] = cv2.transpose(columns.view(np.uint8)).view(np.bool_)
        return mask


def encode_mask(mask: NDArray[np.bool_]) -> Rle:
    """Encode one mask.

    Args:
        mask: (H, W) bool, any memory order.

    Returns:
        The mask as run lengths, byte for byte equal to pycocotools'.

    Raises:
        SettingsError: not a boolean array with two dimensions.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.ndim != 2:
        raise SettingsError(
            f"A mask must be a boolean array (H, W), not {_kind(mask)}; compare logits with a threshold."
        )
    height, width = mask.shape
    _require_size(height, width)
    return Rle.from_edges(changes(mask), height, width)


def encode_columns(columns: NDArray[np.bool_], x0: int, y0: int, height: int, width: int) -> Rle:
    """Encode a mask whose foreground is within a part of some columns.

    Args:
        columns: (W', H') bool, column by column; background everywhere else.
        x0: the first of these columns in the image.
        y0: the first of their rows.
        height: H of the image.
        width: W of the image.

    Returns:
        The mask as run lengths.

    Raises:
        SettingsError: the columns extend beyond the image.
    """
    count, length = columns.shape
    if not (0 <= x0 <= width - count and 0 <= y0 <= height - length):
        raise SettingsError(
            f"{count} columns of {length} pixels at column {x0}, row {y0} do not fit into {height} x {width} pixels."
        )
    changes = np.empty((count, length + 1), np.bool_)
    changes[:, 0], changes[:, -1] = columns[:, 0], columns[:, -1]
    np.not_equal(columns[:, 1:], columns[:, :-1], out=changes[:, 1:-1])
    column, row = np.divmod(np.flatnonzero(changes), length + 1)
    return Rle.from_edges((column + x0) * height + row + y0, height, width)


def encode_masks(masks: Tensor) -> list[Rle]:
    """Encode a batch of masks on their device; only the ends of their runs are copied to the CPU.

    Extra memory, whatever M is: one mask on the CPU; elsewhere 32 MiB plus the run ends of that many pixels.

    Args:
        masks: (M, H, W) bool, any device; M may be 0.

    Returns:
        M masks as run lengths.

    Raises:
        SettingsError: not a boolean tensor with three dimensions.
    """
    if str(getattr(masks, "dtype", "")) != "torch.bool" or masks.ndim != 3:
        raise SettingsError(
            f"Masks must be a boolean tensor (M, H, W), not {_kind(masks)}; compare logits with a threshold."
        )
    if masks.device.type == "cpu":
        return [encode_mask(mask) for mask in masks.detach().numpy()]
    return _encode_on_device(masks)  # pragma: no cover - needs an accelerator


def place(rle: Rle, height: int, width: int, x: int, y: int) -> Rle:
    """Move the mask of a crop into the image's frame, without decoding it.

    Args:
        rle: mask in the crop's frame.
        height: H of the image.
        width: W of the image.
        x: column of the crop's left edge in the image.
        y: row of the crop's top edge in the image.

    Returns:
        The mask in the image's frame; background outside the crop.

    Raises:
        SettingsError: the crop extends beyond the image.
    """
    if not (0 <= x <= width - rle.width and 0 <= y <= height - rle.height):
        raise SettingsError(
            f"A crop of {rle.height} x {rle.width} pixels at column {x}, row {y} does not fit into an image "
            f"of {height} x {width} pixels."
        )
    if (rle.height, rle.width) == (height, width):
        return rle
    edges = rle.edges()
    starts, stops = edges[0::2], edges[1::2]
    first = starts // rle.height
    columns_per_run = (stops - 1) // rle.height - first + 1
    # A run that continues in the next column is split there: the image's columns are longer than the crop's.
    run = np.repeat(np.arange(starts.size), columns_per_run)
    within_run = np.arange(run.size) - np.repeat(np.cumsum(columns_per_run) - columns_per_run, columns_per_run)
    column = first[run] + within_run
    shift = (column + x) * height + y - column * rle.height
    placed = np.empty(2 * run.size, np.int64)
    placed[0::2] = np.maximum(starts[run], column * rle.height) + shift
    placed[1::2] = np.minimum(stops[run], (column + 1) * rle.height) + shift
    return Rle.from_edges(placed, height, width)


def _encode_on_device(masks: Tensor) -> list[Rle]:
    count, height, width = masks.shape
    _require_size(height, width)
    step = masks_at_a_time(height, width)
    rles: list[Rle] = []
    for begin in range(0, count, step):
        chunk = masks[begin : begin + step]
        changes = changes_on_device(chunk).cpu().numpy()
        mask, position = np.divmod(changes, height * width)
        ends = np.searchsorted(mask, np.arange(1, chunk.shape[0]))
        rles += [Rle.from_edges(edges, height, width) for edges in np.split(position, ends)]
    return rles


def _counts_of(edges: NDArray[np.int64], height: int, width: int) -> bytes:
    """Compress strictly ascending edges; raise SettingsError if they descend or leave the image."""
    runs = np.diff(edges, prepend=0, append=height * width)
    _require_runs(runs, height, width)
    return compress_runs(runs[:-1] if runs.size > 1 and runs[-1] == 0 else runs)


def _closed(edges: NDArray[np.int64], pixels: int) -> NDArray[np.int64]:
    """Add the end of a last run that extends to the end of the image, or drop that run if it starts there."""
    if edges.size % 2 == 0:
        return edges
    return edges[:-1] if edges[-1] == pixels else np.append(edges, pixels)


def _edges_of_runs(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return starts and exclusive ends of the foreground runs, (2R,) strictly ascending."""
    edges = np.cumsum(runs)
    # An even number of runs ends with foreground; its end, that of the image, is an edge too.
    return _without_pairs(edges if runs.size % 2 == 0 else edges[:-1])


def _without_pairs(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop edges that cancel out: those that occur an even number of times."""
    if not (edges[1:] == edges[:-1]).any():
        return edges
    values, times = np.unique(edges, return_counts=True)
    odd: NDArray[np.int64] = values[times % 2 == 1]
    return odd


def _box_of_edges(edges: NDArray[np.int64], height: int) -> tuple[int, int, int, int]:
    if edges.size == 0:
        return (0, 0, 0, 0)
    first, last = edges[0::2], edges[1::2] - 1
    left, right = int(first[0] // height), int(last[-1] // height) + 1
    if (first // height != last // height).any():
        # A run that continues in the next column touches the bottom of one and the top of the other.
        return (left, 0, right, height)
    return (left, int((first % height).min()), right, int((last % height).max()) + 1)


def _alternating(count: int) -> NDArray[np.bool_]:
    values = np.zeros(count, np.bool_)
    values[1::2] = True
    return values


def _require_runs(runs: NDArray[np.int64], height: int, width: int) -> None:
    if (runs < 0).any():
        raise SettingsError(
            f"The runs of a mask of {height} x {width} pixels include a negative length; they are damaged."
        )
    total = int(runs.sum())
    if total != height * width:
        raise SettingsError(
            f"The runs of a mask of {height} x {width} = {height * width} pixels add up to {total}; "
            f"size and counts do not match."
        )


def _require_size(height: int, width: int) -> None:
    if height < 1 or width < 1 or height * width >= _MAX_PIXELS:
        raise SettingsError(
            f"A mask of {height} x {width} pixels is not possible; sides are 1 or more, pixels below 2³⁴."
        )


def _whole_number(value: object, name: str) -> int:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return operator.index(value)
    raise SettingsError(f"The {name} of a mask must be a whole number, not {_kind(value)}.")


def _coco_size(coco: Mapping[str, object]) -> tuple[int, int]:
    size = coco.get("size") if isinstance(coco, Mapping) else None
    if not isinstance(size, Sequence) or isinstance(size, (str, bytes)) or len(size) != 2:
        raise SettingsError(
            'A mask in COCO form is {"size": [height, width], "counts": ...}; this one has no valid size.'
        )
    height, width = _whole_number(size[0], "height"), _whole_number(size[1], "width")
    _require_size(height, width)
    return height, width


def _coco_runs(coco: Mapping[str, object], height: int, width: int) -> NDArray[np.int64]:
    counts = coco.get("counts")
    if isinstance(counts, str):
        # Every text encodes to bytes, and the reader refuses those of other alphabets.
        counts = counts.encode("utf-8", errors="surrogatepass")
    if isinstance(counts, bytes):
        return decompress_runs(counts)
    if not isinstance(counts, (list, tuple)):
        raise SettingsError(f"The counts of a mask must be text, bytes or a list of run lengths, not {_kind(counts)}.")
    lengths = [_whole_number(length, "run length") for length in counts]
    if any(not 0 <= length <= height * width for length in lengths):
        raise SettingsError(
            f"A run length of a mask of {height} x {width} pixels is negative or longer than the image."
        )
    return np.array(lengths, np.int64)


def _kind(value: object) -> str:
    """Describe a value for a message: its type, and shape and dtype if it has any."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or dtype is None:
        return f"{type(value).__name__} {value!r}"[:80]
    return f"{dtype} {tuple(shape)}"
