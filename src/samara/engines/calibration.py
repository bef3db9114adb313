"""Images for int8: from the values that they make inside the encoder follows how to round.

What multiplies matrices in the image encoder becomes 8-bit integers by post-training quantisation, see the NNCF
documentation; nothing is trained. What a network sees in use should look like these images.
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
"""More make no difference and cost a pass of the encoder each."""

FLOATING = ("Convolution", "GroupConvolution")
"""OpenVINO's kinds of operation that int8 leaves in floating point."""


def calibration_files(given: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Images to calibrate with: those given, folders searched, at most `MAX_IMAGES`, else the bundled photos.

    Raises:
        SettingsError: a path is not there, or a folder holds no images.
    """
    files: list[Path] = []
    for path in map(Path, given):
        found = [path] if path.is_file() else sorted(map(Path, Finder().below(path))) if path.is_dir() else []
        if not found:
            raise SettingsError(f"{path} is no image and no folder with images; int8 needs some to be calibrated")
        files += found
    chosen = files or list(BUNDLED_IMAGES)
    step = max(1, -(-len(chosen) // MAX_IMAGES))
    return tuple(str(path) for path in chosen[::step])


def calibration_inputs(
    loaded: Loaded, images: Sequence[str], reading: ImageReading = AS_THEY_ARE
) -> list[npt.NDArray[np.float32]]:
    """Images as network input, each (1, 3, S, S).

    Args:
        loaded: what it is the input of.
        images: their paths.
        reading: how they are read.

    Raises:
        ImageError: one of them cannot be read.
    """
    return [loaded.network_input(reading.pixels(path)).cpu().numpy() for path in images]


def calibrated(
    loaded: Loaded,
    model: Any,  # Any: openvino.Model; the library is optional
) -> Any:
    """An image encoder in int8, calibrated on the images of a checkpoint, or else on the bundled photos; `quantise`.

    Raises:
        ImageError: an image cannot be read.
        MissingExtra: NNCF is not installed.
    """
    # How somebody reads images of their own is nothing for the bundled photos, which are plain.
    reading = loaded.calibration_reading if loaded.calibration else AS_THEY_ARE
    return quantise(model, calibration_inputs(loaded, loaded.calibration or calibration_files(()), reading))


def quantise(
    model: Any,  # Any: openvino.Model; the library is optional
    inputs: Sequence[npt.NDArray[np.float32]],
) -> Any:
    """Weights and activations of an image encoder's linear layers and attention in int8.

    Convolutions stay in floating point. TinyViT's early ones have channels of very different range, and with them in
    int8 single masks were lost (worst IoU on doctor's photos 0.40 instead of 0.80) for an eighth of the time; in ViT
    they are next to nothing.

    Args:
        model: OpenVINO's, float32, with one input.
        inputs: for it.

    Raises:
        MissingExtra: NNCF is not installed.
    """
    nncf = import_nncf()
    kind = nncf.ModelType.TRANSFORMER  # attention wants more care
    floating = nncf.IgnoredScope(types=list(FLOATING), validate=False)  # not every network has each
    with _without_words(nncf):
        return nncf.quantize(
            model, nncf.Dataset(list(inputs)), model_type=kind, subset_size=len(inputs), ignored_scope=floating
        )


@contextlib.contextmanager
def _without_words(nncf: ModuleType) -> Iterator[None]:
    """NNCF tells its progress on standard output, which belongs to results."""
    nncf.set_log_level(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
