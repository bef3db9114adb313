"""Where a detector runs: one pass over a letterboxed picture. The counterpart of `engine` for FastSAM and YOLO."""

from __future__ import annotations

import contextlib
from typing import Protocol

import torch
from torch import Tensor

from samara.devices import Precision
from samara.errors import DeviceError
from samara.loaded import Loaded
from samara.networks.yolo_seg import RawInstances, YoloSeg, fused


class InstanceEngine(Protocol):
    """Runs a network that finds all instances in one pass."""

    def find(self, images: Tensor) -> RawInstances:
        """Look at pictures: (B, 3, h, w) float32 RGB in 0..1, sides multiples of 32; all answers in float32."""
        ...


# Where pixels next to each other in memory are faster than planes. Together with fused norms it takes 10 to 17 % less
# time on one or two CPU cores (YOLO11n at 640, FastSAM-s at 1024).
CHANNELS_LAST = ("cpu", "cuda")


class TorchInstanceEngine:
    """Run a detector with PyTorch, on a copy of its weights whose norms are folded into its convolutions.

    Args:
        network: in eval mode, on `device`, weights in float32.
        device: where it lies.
        precision: what to compute in; below float32 through autocast.
    """

    def __init__(self, network: YoloSeg, device: str, precision: Precision = "float32") -> None:
        self.device = torch.device(device)
        self.precision: Precision = precision
        self.layout = torch.channels_last if self.device.type in CHANNELS_LAST else torch.contiguous_format
        self.network = fused(network).to(memory_format=self.layout)  # type: ignore[call-overload]

    @torch.inference_mode()
    def find(self, images: Tensor) -> RawInstances:
        """See `InstanceEngine.find`."""
        lowered = (
            contextlib.nullcontext()
            if self.precision == "float32"
            else torch.autocast(self.device.type, dtype=getattr(torch, self.precision))
        )
        with lowered:
            raw: RawInstances = self.network(images.to(self.device, memory_format=self.layout))
        return RawInstances(*(answers.float() for answers in raw))


def open_instance_engine(loaded: Loaded) -> InstanceEngine:
    """The engine that a loaded detector asks for.

    Raises:
        WrongCheckpoint: it is a checkpoint that answers prompts.
        DeviceError: detectors do not run on that engine.
    """
    network = loaded.detector
    if loaded.engine != "torch":
        raise DeviceError(f"{loaded.variant.title} does not run on the engine {loaded.engine!r}; use torch")
    return TorchInstanceEngine(network, loaded.device, loaded.precision)
