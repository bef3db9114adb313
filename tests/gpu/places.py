"""Where the paths of a user run: the same tests on this processor, on a CUDA GPU and on an Apple GPU."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import pytest

from samara.engines.loaded import Loaded
from samara.system.devices import Precision

IN_16_BITS: tuple[Precision, ...] = ("bfloat16", "float16")


@dataclass(frozen=True)
class Place:
    """A device and what it computes in."""

    device: str
    precision: Precision

    def __str__(self) -> str:
        return f"{self.device}-{self.precision}"

    def of(self, loaded: Loaded) -> Loaded:
        """The checkpoint there; the given one stays where it is."""
        network = copy.deepcopy(loaded.network).to(self.device)
        return replace(loaded, network=network, device=self.device, precision=self.precision)


def everywhere(*cpu: Precision, marks_on_cpu=(), on_gpus: tuple[Precision, ...] = ("float32", *IN_16_BITS)):
    """Parametrise `place` over the processor in some precisions, and over both kinds of GPU in all, or some."""
    places = [pytest.param(Place("cpu", precision), marks=marks_on_cpu) for precision in cpu]
    for device, marks in (("cuda", pytest.mark.gpu), ("mps", pytest.mark.mps)):
        places += [pytest.param(Place(device, precision), marks=marks) for precision in on_gpus]
    return pytest.mark.parametrize("place", places, ids=str)
