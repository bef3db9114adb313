"""How image files are segmented: what `samara.segment` and the command share.

Importing this loads neither torch nor numpy, so that the help of the command line stays quick.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

MasksPerPrompt = Literal["best", "three", "one"]
"""Masks per prompt: the best of three for an ambiguous prompt and else the one, all three, or always the one."""


@dataclass(frozen=True, kw_only=True)
class FileSettings:
    """How image files are segmented, and where the results go.

    Attributes:
        answer: masks per prompt: best of three, all, one.
        out: folder for the results.
    """

    answer: MasksPerPrompt = "best"
    out: str | os.PathLike[str] = "samara-output"
