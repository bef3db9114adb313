"""Masks to try, for all tests of this folder: the awkward ones by name, and random ones of every density."""

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

from samara.masks.rle import Rle, encode_mask


def image(*rows: str) -> np.ndarray:
    """'.' is background, anything else foreground."""
    return np.array([[pixel != "." for pixel in row] for row in rows])


NAMED = {
    "empty": np.zeros((3, 4), bool),
    "one pixel image": np.ones((1, 1), bool),
    "one pixel": image("....", "..#.", "...."),
    "full": np.ones((3, 4), bool),
    "hole": image("####", "#..#", "####"),
    "two parts": image("#..#", "#..#"),
    "wraps into the next column": image(".#.", ".#.", "#.."),
    "corners": image("#..#", "....", "#..#"),
    "one row": image("##.#.##"),
    "one column": image("#", "#", ".", "#"),
    "chessboard": np.indices((5, 6)).sum(0) % 2 == 0,
    "wider than 16 bits": np.arange(3 * 70_000).reshape(3, -1) % 35_001 < 20_000,
    "higher than 16 bits": np.arange(3 * 70_000).reshape(-1, 3) % 35_001 < 20_000,
}


@st.composite
def stacks(draw: st.DrawFn, least: int = 0, most: int = 5) -> np.ndarray:
    """(M, H, W) bool: rectangles overlaid with noise of any density, so that runs are long and short."""
    count, height, width = draw(st.integers(least, most)), draw(st.integers(1, 12)), draw(st.integers(1, 12))
    noise = draw(hnp.arrays(np.uint8, (count, height, width)))
    masks = noise < draw(st.sampled_from([0, 10, 60, 128, 220, 256]))
    for mask in masks:
        y, x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        mask[y : y + draw(st.integers(0, height)), x : x + draw(st.integers(0, width))] ^= True
    return masks


def one_mask() -> st.SearchStrategy[np.ndarray]:
    """(H, W) bool."""
    return stacks(least=1, most=1).map(lambda masks: masks[0])


def encode_all(masks: np.ndarray) -> list[Rle]:
    return [encode_mask(mask) for mask in masks]


def box_by_looking(mask: np.ndarray) -> tuple[int, int, int, int]:
    pixels = [(x, y) for y, row in enumerate(mask.tolist()) for x, inside in enumerate(row) if inside]
    if not pixels:
        return (0, 0, 0, 0)
    xs, ys = zip(*pixels, strict=True)
    return (min(xs), min(ys), max(xs) + 1, max(ys) + 1)
