"""Engine for detectors: one pass over a letterboxed image. The counterpart of `engine` for FastSAM and YOLO."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from samara.engines.forms import DEVICES_WITH_FORMS, layer_type
from samara.engines.loaded import Loaded, fingerprint
from samara.errors import DeviceError
from samara.networks.device_form import device_form
from samara.networks.plain import dtype_of, is_plain, state_of
from samara.networks.yolo_seg import RawInstances, YoloSeg, fused, no_instances
from samara.system.devices import Precision, computing


class InstanceEngine(Protocol):
    """Runs a network that finds all instances in one pass."""

    def find(self, images: Tensor) -> RawInstances:
        """Process images: (B, 3, h, w) float32 RGB in 0..1, sides multiples of 32; all results in float32."""
        ...


# Devices on which channels-last is faster than planes. Together with fused norms it saves 10 to 17 % of the time on one
# or two CPU cores (YOLO11n at 640, FastSAM-s at 1024).
CHANNELS_LAST = ("cpu", "cuda")


class TorchInstanceEngine:
    """Run a detector with PyTorch, if unadapted as a copy whose norms are folded into its convolutions.

    The copy is rebuilt when the weights change; on a GPU its layers are cast once, see `CurrentForm`. Empty input never
    reaches the network, as in `SparingEngine`.

    Args:
        network: in eval mode, on `device`.
        device: device of the network.
        precision: compute precision; below float32 through autocast.
    """

    def __init__(self, network: YoloSeg, device: str, precision: Precision = "float32") -> None:
        self.network = network
        self.device = torch.device(device)
        self.precision: Precision = precision
        self.layout = torch.channels_last if self.device.type in CHANNELS_LAST else torch.contiguous_format
        self._fused: tuple[object, YoloSeg] | None = None

    @torch.inference_mode()
    def find(self, images: Tensor) -> RawInstances:
        """See `InstanceEngine.find`."""
        if not len(images):
            return no_instances(self.network.classes, (images.shape[-2], images.shape[-1]), self.device)
        network, layout = self._quickest()
        with computing(self.device, self.precision):
            raw: RawInstances = network(images.to(self.device, dtype_of(self.network), memory_format=layout))
        return RawInstances(*(answers.float() for answers in raw))

    def _quickest(self) -> tuple[YoloSeg, torch.memory_format]:
        """Return the fastest equivalent form of the network, and its memory layout."""
        if not is_plain(self.network):
            return self.network, torch.contiguous_format
        on_device = self.device.type in DEVICES_WITH_FORMS
        state = state_of(self.network, with_modes=True) if on_device else fingerprint(self.network)
        if self._fused is None or self._fused[0] != state:
            with torch.inference_mode(False):  # inference tensors could not be copied again
                quick = fused(self.network).to(memory_format=self.layout)  # type: ignore[call-overload]
                if on_device:
                    quick = device_form(quick, layer_type(self.network, self.precision))
            self._fused = state, quick
        return self._fused[1], self.layout


def open_instance_engine(loaded: Loaded) -> InstanceEngine:
    """Open the engine of a loaded detector.

    Raises:
        WrongCheckpoint: it is a promptable checkpoint.
        DeviceError: detectors do not run on that engine.
    """
    network = loaded.detector
    if loaded.engine != "torch":
        raise DeviceError(f"{loaded.variant.title} does not run on the engine {loaded.engine!r}; use torch")
    return TorchInstanceEngine(network, loaded.device, loaded.precision)
