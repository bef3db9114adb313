"""How masks are drawn: settings shared by Python and the command line.

This module imports nothing heavy, which keeps the command line's help fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from samara.errors import SettingsError

Labels: TypeAlias = Literal["auto", "none", "id", "class", "score", "all"]
"""Text at each mask: its number; its class; its score; all three; nothing. auto: the number, with class and score if
there are several classes or several answers to a prompt."""


@dataclass(frozen=True, kw_only=True)
class OverlayStyle:
    """How masks are drawn over an image.

    Attributes:
        opacity: tint masks with this opacity, from 0 to 1.
        outline: draw outlines of this width in pixels, 0 for none; None for one that fits the image.
        labels: write at each mask auto, none, id, class, score or all.
        label_size: write labels with this height in pixels; None for one that fits the image.

    Raises:
        SettingsError: a value is out of range or unknown.
    """

    opacity: float = 0.25
    outline: int | None = None
    labels: Labels = "auto"
    label_size: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.opacity <= 1:
            raise SettingsError(f"`opacity` is {self.opacity}; it must be between 0 and 1")
        if self.outline is not None and self.outline < 0:
            raise SettingsError(f"`outline` is {self.outline}; it must be at least 0")
        if self.label_size is not None and self.label_size < 1:
            raise SettingsError(f"`label_size` is {self.label_size}; it must be at least 1")
        if self.labels not in get_args(Labels):
            raise SettingsError(f"`labels` is {self.labels!r}; use {', '.join(get_args(Labels))}")

    def outline_px(self, size_hw: tuple[int, int]) -> int:
        """Return the width of outlines on an image of a size, 0 for none."""
        return line_thickness(size_hw) if self.outline is None else self.outline


def line_thickness(size_hw: tuple[int, int]) -> int:
    """Return the line width in pixels that looks equally thin on small and large images."""
    return max(1, round(min(size_hw) / 500))
