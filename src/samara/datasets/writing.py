"""What all annotation writers share: a target that appears complete or not at all, and an account of losses."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

import samara
from samara.datasets.annotated import AnnotatedImage
from samara.errors import OutputError

CONTRIBUTOR = "samara"
# What masks without a category are called where a format must call them something.
OBJECT = "object"
# In every folder that we write: what made it, and that it is ours to replace.
MARKER = "samara.json"


@dataclass(frozen=True, kw_only=True)
class WriterOptions:
    """What a user can choose about annotations, whatever the format.

    Attributes:
        overwrite: replace an existing file, or an existing folder that samara wrote. Without it both are refused.
        info: what made the masks (checkpoint, licence, settings), for formats that have a place for it; JSON values.
        categories: all names in the order of their numbers; those not listed follow as they come. Several calls
            that shall agree about numbers need it.
        pictures: for formats whose folder holds the pictures too (yolo, voc): leave that to the user, link, or copy.
        image_url_prefix: for Label Studio: what stands before the file name in a task's address of the picture.
    """

    overwrite: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    pictures: Literal["none", "link", "copy"] = "none"
    image_url_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Losses:
    """What a format could not keep.

    Attributes:
        masks: how many were given.
        changed: of these, how many are read back with other pixels, those left out included.
        left_out: of these, how many are not in the format at all: empty ones, or covered by others.
        mean_iou: between mask and what is read back, over all that have pixels; 1 if there are none.
        worst_iou: the smallest such IoU.
        worst: where that is, as "FILE NAME, mask INDEX"; None while nothing changed.
    """

    masks: int = 0
    changed: int = 0
    left_out: int = 0
    mean_iou: float = 1.0
    worst_iou: float = 1.0
    worst: str | None = None
