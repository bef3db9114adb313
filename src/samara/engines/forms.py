"""The form in which a part of a network runs fastest where it runs, made once and again when the part changes."""

from __future__ import annotations

import torch
from torch import nn

from samara.engines.loaded import fingerprint
from samara.networks.device_form import device_form
from samara.networks.folding import folded, may_fold
from samara.networks.plain import dtype_of, is_plain, state_of
from samara.system.devices import COMPUTED_IN, Precision

DEVICES_WITH_FORMS = {"cuda"}
"""Devices on which parts run as a `device_form`; elsewhere a few are folded."""


def layer_type(part: nn.Module, precision: Precision) -> torch.dtype:
    """Return the type in which layers of a part compute: its own if that is not float32."""
    own = dtype_of(part)
    return COMPUTED_IN[precision] if own == torch.float32 else own


class CurrentForm:
    """The form of one part of a network.

    Adapted parts, and parts in training, run as they are. A change is recognised on processors by the values, see
    `fingerprint`, elsewhere by what PyTorch tracks, see `state_of`: reading values would wait for the device in every
    call. So on a GPU, weights that were written through `.data` need a new engine.

    Args:
        device: where the part runs.
        precision: compute precision of the engine.
    """

    def __init__(self, device: torch.device, precision: Precision) -> None:
        self.device = device
        self.precision: Precision = precision
        self._made: tuple[object, nn.Module] | None = None

    def of(self, part: nn.Module) -> nn.Module:
        """Return the form of the part in its present state: a copy, or the part itself."""
        return self.tracked(part) if self.device.type in DEVICES_WITH_FORMS else self._folded(part)

    def tracked(self, part: nn.Module) -> nn.Module:
        """Return the form of the part on a device with forms."""
        state = state_of(part, with_modes=True)
        if self._made is None or self._made[0] != state:
            adapted = not is_plain(part) or any(module.training for module in part.modules())
            self._made = state, part if adapted else self.made_of(part)
        return self._made[1]

    def _folded(self, part: nn.Module) -> nn.Module:
        if not may_fold(part):
            return part
        weights = fingerprint(part), *((one.device, one.dtype) for one in part.parameters())
        if self._made is None or self._made[0] != weights:
            self._made = weights, folded(part)
        return self._made[1]

    def made_of(self, part: nn.Module) -> nn.Module:
        """Make the form of an unadapted part in eval mode: a copy."""
        with torch.inference_mode(False):  # inference tensors do not count changes
            return device_form(part, layer_type(part, self.precision))
