"""Settings for segmenting image files, shared by `samara.segment` and the command.

This module imports neither torch nor numpy, which keeps the command line's help fast.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from samara.masks.file_kinds import FILE_KINDS, USUAL_KINDS, FileKind

MasksPerPrompt = Literal["best", "three", "one"]
"""Masks per prompt: best of three for an ambiguous prompt, otherwise the single mask; all three; or always the single
mask."""

Saved: TypeAlias = FileKind | Literal["sheet"]
"""What a call writes: a kind of file for each image, or the contact sheet of all its images."""

SAVED: tuple[Saved, ...] = (*FILE_KINDS, "sheet")


@dataclass(frozen=True, kw_only=True)
class FileSettings:
    """Settings for segmenting image files.

    Attributes:
        answer: answer each prompt with the best of three masks, all three, or the one for clear prompts.
        out: write the results into this folder.
        save: write overlay, masks, cutouts, labels, json or sheet.
    """

    answer: MasksPerPrompt = "best"
    out: str | os.PathLike[str] = "samara-output"
    save: Sequence[Saved] = USUAL_KINDS
