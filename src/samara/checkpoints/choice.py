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
        checkpoint: use this catalogue name, name of an added file, or file.
        base: take the rest of the network from this checkpoint, for a file with only a part, such as a mask decoder.
        preset: prepare images like this preset, such as medsam, for a file that cannot tell; None for the checkpoint's
            own.
        lora: fold in these low-rank updates of `samara finetune --lora-apart`, trained on the checkpoint.
        device: run on auto, cpu, cuda, cuda:N or mps.
        precision: compute in auto, float32, tf32, bfloat16 or float16.
        engine: run the network with torch, torch-compile, openvino, onnxruntime, or auto (see doctor).
        input_size: resize images to this side of the network input; None for the checkpoint's own.
        weights: use random weights to measure speed without the file.
        download: download the checkpoint if it is missing.
        hq_token_only: use HQ-SAM's own mask without SAM's, for images of one object.
        calibration: calibrate int8 on these images or folders.
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
