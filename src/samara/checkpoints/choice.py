"""Which checkpoint to load, and how: said once, by whoever works with one, and carried to where it is loaded.

Importing this loads no torch, so that the command line takes its defaults and its help from here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from samara.images.settings import AS_THEY_ARE, ImageReading

WeightsFrom = Literal["file", "random"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which checkpoint to load, and how; all of it is explained at `samara.load`. `load_chosen` loads it.

    Attributes:
        checkpoint: catalogue name or file.
        base: of a file that holds a part of a network, such as a mask decoder, the checkpoint that gives the rest.
        lora: low-rank updates of `samara finetune --lora-apart`, trained on the checkpoint.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, float32, bfloat16 or float16.
        engine: torch, torch-compile, openvino, onnxruntime, or auto (see doctor).
        input_size: side of the input; None for the checkpoint's own.
        weights: random measures speed where the file is not at hand.
        download: fetch the checkpoint if it is not here.
        hq_token_only: of HQ-SAM its own mask without SAM's, for one object.
        calibration: images or folders to calibrate int8 on.
        calibration_reading: how these are read.
    """

    checkpoint: str | os.PathLike[str] = "samara_mini"
    base: str | os.PathLike[str] | None = None
    lora: str | os.PathLike[str] | None = None
    device: str = "auto"
    precision: str = "auto"
    engine: str = "torch"
    input_size: int | None = None
    weights: WeightsFrom = "file"
    download: bool = False
    hq_token_only: bool = False
    calibration: Sequence[str | os.PathLike[str]] = ()
    calibration_reading: ImageReading = AS_THEY_ARE
