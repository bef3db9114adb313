"""A network with its weights, and their provenance."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from samara.errors import SettingsError, WrongCheckpoint
from samara.images.preprocessing import Frame, from_host_pixels, host_pixels
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.networks.hq_mask_decoder import DrawsHqMask
from samara.networks.plain import adaptations
from samara.networks.sam import Sam
from samara.networks.variants import VARIANTS, Preprocessing, Variant
from samara.networks.yolo_seg import YoloSeg
from samara.system.cores import survive_forks
from samara.system.devices import Precision
from samara.system.digests import digest_files

# Values read per tensor for a fingerprint. Training, merging or rounding changes every value of a tensor, so a few
# hundred distinguish two encoders as reliably as all of them, without hashing 2.5 GB.
SAMPLES_PER_TENSOR = 256

_PROCESS = secrets.token_hex(8)


@dataclass(frozen=True)
class Provenance:
    """The provenance of weights.

    Attributes:
        name: catalogue name, or the file's name if it is not in the catalogue, or "random".
        path: the file; None for random weights.
        licence: SPDX identifier; None if unknown.
        weights: "file", or "random" for untrained weights, which are only good for measuring speed.
        files: all files of `path`: usually just itself, or shards.
    """

    name: str
    path: str | None
    licence: str | None
    weights: Literal["file", "random"]
    files: tuple[Path, ...] = ()

    @property
    def sha256(self) -> str | None:
        """Digest of the files, computed now; None for random weights."""
        return digest_files(self.files, "sha256") if self.files else None


@dataclass(frozen=True, eq=False)
class Loaded:
    """A network ready to run.

    Attributes:
        network: network in eval mode, on `device`. `sam` and `detector` return it with its type, or raise.
        variant: its architecture, preprocessing, capabilities and classes.
        provenance: origin of its weights.
        input_size: side of the square network input in pixels; for a letterboxed input, the longer side.
        pred_iou_thresh: default min. predicted IoU of automatic masks; for a detector, min. confidence.
        stability_score_thresh: default min. stability score of automatic masks.
        device: device of the network, e.g. "cpu" or "cuda:0".
        precision: compute precision; weights stay float32.
        engine: name of the engine that runs it.
        hq_token_only: HQ-SAM: return the HQ mask alone instead of its sum with SAM's.
        calibration: paths of images to calibrate int8 on; none for the bundled photos.
        calibration_reading: how the calibration images are read.

    Raises:
        SettingsError: `hq_token_only` is set for a network without an HQ token.
    """

    network: Sam | YoloSeg = field(repr=False)
    variant: Variant = field(repr=False)
    provenance: Provenance
    input_size: int
    pred_iou_thresh: float
    stability_score_thresh: float
    device: str
    precision: Precision
    engine: str = "torch"
    hq_token_only: bool = False
    calibration: tuple[str, ...] = ()
    calibration_reading: ImageReading = AS_THEY_ARE

    def __post_init__(self) -> None:
        survive_forks()
        has_hq_token = isinstance(self.network, Sam) and isinstance(self.network.mask_decoder, DrawsHqMask)
        if self.hq_token_only and not has_hq_token:
            raise SettingsError(f"`hq_token_only` applies only to HQ-SAM; {self.variant.title} has no HQ token")

    @property
    def name(self) -> str:
        """The checkpoint's name, for messages and reports."""
        return self.provenance.name

    @property
    def sam(self) -> Sam:
        """The network of a promptable checkpoint.

        Raises:
            WrongCheckpoint: it is a detector.
        """
        if not isinstance(self.network, Sam):
            raise WrongCheckpoint(
                f"{self.name} ({self.variant.title}) finds all instances in one pass and has no embeddings; use "
                "samara.InstanceSegmenter, or samara.open_segmenter, which accepts every checkpoint"
            )
        return self.network

    @property
    def detector(self) -> YoloSeg:
        """The network of a detector.

        Raises:
            WrongCheckpoint: it is a promptable checkpoint.
        """
        if not isinstance(self.network, YoloSeg):
            raise WrongCheckpoint(
                f"{self.name} ({self.variant.title}) is promptable; use samara.Predictor and "
                "samara.AutomaticMaskGenerator, or samara.open_segmenter, which accepts every checkpoint"
            )
        return self.network

    @property
    def grid(self) -> int:
        """Side of the embedding grid in cells."""
        return self.variant.grid(self.input_size)

    @property
    def frame_size(self) -> int:
        """Side in pixels of the input frame, which prompts are in and masks fill; of most networks `input_size`."""
        return self.variant.frame_size(self.input_size)

    def frame_of(self, size_hw: tuple[int, int]) -> Frame:
        """Return the placement of an image of (H, W) pixels in the input frame, for a promptable checkpoint.

        Only this method and `network_input` apply a variant's preprocessing.

        Raises:
            WrongCheckpoint: it is a detector, which uses a letterbox.
        """
        return replace(self._square(size_hw, self.frame_size), low_res_stride=self.variant.low_res_stride)

    def _square(self, size_hw: tuple[int, int], side: int) -> Frame:
        preprocessing = self.variant.preprocessing
        if preprocessing.fit == "letterbox":
            raise WrongCheckpoint(
                f"{self.name} ({self.variant.title}) letterboxes images instead of fitting them into a square"
            )
        return Frame(size_hw, side, preprocessing.fit, preprocessing.upsampling)

    def network_input(self, image: npt.NDArray[np.uint8]) -> Tensor:
        """Preprocess an RGB image (H, W, 3) for the image encoder, (1, 3, S, S) float32; see `frame_of`."""
        return self.network_input_of(self.host_pixels(image), (image.shape[0], image.shape[1]))

    def host_pixels(self, image: npt.NDArray[np.uint8]) -> Tensor:
        """Do the part of `network_input` that needs no device, (h, w, 3) uint8; any thread may run ahead with it."""
        frame = self._square((image.shape[0], image.shape[1]), self.input_size)
        is_pinned = torch.device(self.device).type == "cuda"
        return host_pixels(image, frame, resizing=self.variant.preprocessing.resize, is_pinned=is_pinned)

    def network_input_of(self, pixels: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Do the rest of `network_input`, for the pixels from `host_pixels` and the image's (H, W)."""
        preprocessing = self.variant.preprocessing
        return from_host_pixels(
            pixels,
            self._square(size_hw, self.input_size),
            preprocessing.mean,
            preprocessing.std,
            self.device,
            resizing=preprocessing.resize,
            scale=preprocessing.scale,
        )

    @property
    def fingerprint(self) -> str:
        """Short hash of the image encoder's current weights, input size and preprocessing, which embeddings must match.

        Includes early features: HQ-SAM has SAM's own encoder, but embeddings with more channels. For a detector, which
        has no embeddings, it is the hash of the whole network. Hooks and similar adaptations are not part of the
        weights, so embeddings of an adapted network match only in this process.
        """
        encoder = self.network.image_encoder if isinstance(self.network, Sam) else self.network
        early = f"-early{self.variant.early_channels}" if self.variant.early_channels else ""
        adapted = "".join(adaptations(encoder))
        mark = f"-adapted{hashlib.sha256(f'{_PROCESS}{adapted}'.encode()).hexdigest()[:8]}" if adapted else ""
        return f"{fingerprint(encoder)}-{self.input_size}{early}{_prepared_otherwise(self.variant)}{mark}"


def _prepared_otherwise(variant: Variant) -> str:
    """Part of a fingerprint for preprocessing that is not the usual one of the network; empty for the usual one."""
    usual = VARIANTS[variant.name].preprocessing if variant.name in VARIANTS else Preprocessing()
    # The size is in the fingerprint itself.
    own = replace(variant.preprocessing, input_size=usual.input_size, multiple=usual.multiple)
    return "" if own == usual else f"-prepared{hashlib.sha256(repr(own).encode()).hexdigest()[:8]}"


def fingerprint(network: nn.Module) -> str:
    """Hash a network's weights: names, shapes and a few hundred evenly spaced values of each tensor; 16 hex digits."""
    tensors = [pair for name, value in network.state_dict().items() for pair in _tensors_in(name, value)]
    samples = [_sample(tensor) for _, tensor in tensors]
    # All at once: on a GPU, latency dominates.
    values = (torch.cat(samples) if samples else torch.zeros(0)).cpu().numpy().tobytes()
    digest = hashlib.sha256()
    start = 0
    for (name, tensor), sample in zip(tensors, samples, strict=True):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(values[start : start + 4 * len(sample)])
        start += 4 * len(sample)
    return digest.hexdigest()[:16]


def _tensors_in(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a state dict entry; quantised layers store pairs of tensors and other values."""
    if isinstance(value, Tensor):
        yield name, value.detach()
    elif isinstance(value, (tuple, list)):
        for index, part in enumerate(value):
            yield from _tensors_in(f"{name}.{index}", part)


def _sample(tensor: Tensor) -> Tensor:
    """Return up to about twice `SAMPLES_PER_TENSOR` of its values, float32."""
    values = (tensor.dequantize() if tensor.is_quantized else tensor).flatten()
    return values[:: max(1, values.numel() // SAMPLES_PER_TENSOR)].to(torch.float32)
