"""Calibration of int8: activations of sample images inside the encoder determine the quantisation ranges.

Matrix multiplications in the image encoder are converted to 8-bit integers by post-training quantisation, see the NNCF
documentation; nothing is trained. The images should resemble those seen in use.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.engines.loaded import Loaded
from samara.engines.quiet_libraries import import_nncf
from samara.errors import SettingsError
from samara.images.bundled import BUNDLED_IMAGES
from samara.images.paths import Finder
from samara.images.settings import AS_THEY_ARE, ImageReading

MAX_IMAGES = 100
"""More make no difference, and each costs an encoder pass."""

FLOATING = ("Convolution", "GroupConvolution")
"""OpenVINO operation types that int8 leaves in floating point."""


def calibration_files(given: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Return the calibration images: those given, including folders, at most `MAX_IMAGES`, else the bundled photos.

    Raises:
        SettingsError: a path is missing, or a folder contains no images.
    """
    files: list[Path] = []
    for path in map(Path, given):
        found = [path] if path.is_file() else sorted(map(Path, Finder().below(path))) if path.is_dir() else []
        if not found:
            raise SettingsError(
                f"{path} is neither an image nor a folder with images; int8 needs images for calibration"
            )
        files += found
    chosen = files or list(BUNDLED_IMAGES)
    step = max(1, -(-len(chosen) // MAX_IMAGES))
    return tuple(str(path) for path in chosen[::step])


def calibration_inputs(
    loaded: Loaded, images: Sequence[str], reading: ImageReading = AS_THEY_ARE
) -> list[npt.NDArray[np.float32]]:
    """Yield images as network input, each (1, 3, S, S).

    Args:
        loaded: checkpoint to prepare the input for.
        images: paths of the images.
        reading: how the images are read.

    Raises:
        ImageError: an image cannot be read.
    """
    return [loaded.network_input(reading.pixels(path)).cpu().numpy() for path in images]


def calibrated(
    loaded: Loaded,
    model: Any,  # Any: openvino.Model; the library is optional
) -> Any:
    """Quantise an image encoder to int8, calibrated on the checkpoint's calibration images or the bundled photos.

    Raises:
        ImageError: an image cannot be read.
        MissingExtra: NNCF is not installed.
    """
    # Reading options apply only to the user's own images, not to the bundled photos.
    reading = loaded.calibration_reading if loaded.calibration else AS_THEY_ARE
    return quantise(model, calibration_inputs(loaded, loaded.calibration or calibration_files(()), reading))


def quantise(
    model: Any,  # Any: openvino.Model; the library is optional
    inputs: Sequence[npt.NDArray[np.float32]],
) -> Any:
    """Quantise weights and activations of an image encoder's linear layers and attention to int8.

    Convolutions stay in floating point. TinyViT's early ones have channels of very different range; in int8 they ruined
    single masks (worst IoU on doctor's photos 0.40 instead of 0.80) to save an eighth of the time; in ViT their cost is
    negligible.

    Args:
        model: OpenVINO model, float32, with one input.
        inputs: its inputs for calibration.

    Raises:
        MissingExtra: NNCF is not installed.
    """
    nncf = import_nncf()
    kind = nncf.ModelType.TRANSFORMER  # attention needs more precision
    floating = nncf.IgnoredScope(types=list(FLOATING), validate=False)  # not every network has each
    with _without_words(nncf):
        return nncf.quantize(
            model, nncf.Dataset(list(inputs)), model_type=kind, subset_size=len(inputs), ignored_scope=floating
        )


@contextlib.contextmanager
def _without_words(nncf: ModuleType) -> Iterator[None]:
    """Silence NNCF's progress on standard output, which is reserved for results."""
    nncf.set_log_level(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
