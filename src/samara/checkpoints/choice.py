"""Which checkpoint to load, and how: declared once and passed to the function that loads it.

Importing this does not load torch, so the command line can take its defaults and help from here.
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
    """Which checkpoint to load, and how; see `samara.load` for details. `load_chosen` loads it.

    Attributes:
        checkpoint: catalogue name or file.
        base: checkpoint that provides the rest of a file with only a part of a network, such as a mask decoder.
        preset: preparation of images for a file that cannot tell, such as medsam; None for the checkpoint's own.
        lora: low-rank updates of `samara finetune --lora-apart`, trained on the checkpoint.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, float32, tf32, bfloat16 or float16.
        engine: torch, torch-compile, openvino, onnxruntime, or auto (see doctor).
        input_size: side of the input; None for the checkpoint's own.
        weights: random to measure speed without the file.
        download: download the checkpoint if it is missing.
        hq_token_only: HQ-SAM's own mask without SAM's, for images of one object.
        calibration: images or folders to calibrate int8 on.
        calibration_reading: how the calibration images are read.
    """

    checkpoint: str | os.PathLike[str] = "samara_mini"
    base: str | os.PathLike[str] | None = None
    preset: str | None = None
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
