"""Settings for segmenting image files, shared by `samara.segment` and the command.

This module imports neither torch nor numpy, which keeps the command line's help fast.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

MasksPerPrompt = Literal["best", "three", "one"]
"""Masks per prompt: best of three for an ambiguous prompt, otherwise the single mask; all three; or always the single
mask."""


@dataclass(frozen=True, kw_only=True)
class FileSettings:
    """Settings for segmenting image files.

    Attributes:
        answer: masks per prompt: best of three, all, one.
        out: folder for the results.
    """

    answer: MasksPerPrompt = "best"
    out: str | os.PathLike[str] = "samara-output"
