"""The official `modeling.backbones.hieradet`, on samara's Hiera, whose constructors take samara's arguments."""

from __future__ import annotations

from samara.networks import hiera
from samara.networks.hiera import HieraBlock as MultiScaleBlock
from samara.networks.hiera import PoolingAttention as MultiScaleAttention

__all__ = ["Hiera", "MultiScaleAttention", "MultiScaleBlock"]


class Hiera(hiera.Hiera):
    """The trunk, see `samara.networks.hiera`."""

    @property
    def channel_list(self) -> list[int]:
        """Widths of the outputs, the coarsest first."""
        return self.widths[::-1]
