"""YOLOv8-seg (including FastSAM) and YOLO11-seg: all instances of an image in one pass.

A backbone processes the image at five scales; a pyramid goes up and down through the last three (strides 8, 16 and 32).
Every place of these three predicts the distances to the four sides of a box, a logit per class, and 32 coefficients
that mix 32 prototype masks at stride 4 into its own.

The modules' numbers in the key names are indices in the published list of layers, which includes upsampling and
concatenation; YOLO11 has one more layer before the pyramid, so all later indices shift by one.

Source: Ultralytics' published model tables (v8, 11) and key tables; Bolya et al. 2019 (YOLACT) for the prototypes.
See `yolo_layers` about the origin of this code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samara.networks.plain import module_parts
from samara.networks.yolo_layers import (
    AttentionStage,
    ChainStage,
    ConvPair,
    ConvUnit,
    DistanceExpectation,
    InnerStage,
    Prototypes,
    PyramidPooling,
)

STRIDES = (8, 16, 32)
"""Input pixels per place of the three grids, in output order."""

PROTOTYPE_STRIDE = 4
PROTOTYPES = 32
DISTANCE_BINS = 16

Generation = Literal["v8", "11"]


class RawInstances(NamedTuple):
    """The network's output for B images; A places, those of stride 8 first, each grid row by row.

    Attributes:
        distances: (B, 4, A) float32, from a place's centre to left, top, right and bottom, in cells of its grid.
        class_logits: (B, K, A).
        coefficients: (B, 32, A).
        prototypes: (B, 32, h / 4, w / 4).
    """

    distances: Tensor
    class_logits: Tensor
    coefficients: Tensor
    prototypes: Tensor


class YoloSeg(nn.Module):
    """The whole network, with its parts in one list, as the published names require.

    Args:
        generation: "v8" or "11".
        depth: factor on the number of blocks.
        width: factor on the number of channels.
        max_channels: channels above which widths do not grow, before the factor.
        inner_stages: YOLO11: deeper blocks everywhere, not only on coarse grids.
        classes: K.
    """

    def __init__(
        self,
        *,
        generation: Generation,
        depth: float,
        width: float,
        max_channels: int,
        inner_stages: bool = False,
        classes: int = 80,
    ) -> None:
        super().__init__()
        self.classes = classes
        c64, c128, c256, c512, c1024 = (
            _divisible_by_8(min(channels, max_channels) * width) for channels in (64, 128, 256, 512, 1024)
        )
        is_v8 = generation == "v8"
        stage = partial(_stage_v8, depth=depth) if is_v8 else partial(_stage_11, depth=depth, inner=inner_stages)
        layers: dict[int, nn.Module] = {
            0: ConvUnit(3, c64, 3, stride=2),
            1: ConvUnit(c64, c128, 3, stride=2),
            2: stage(c128, c128 if is_v8 else c256, "fine"),
            3: ConvUnit(c128 if is_v8 else c256, c256, 3, stride=2),
            4: stage(c256, c256 if is_v8 else c512, "fine middle"),
            5: ConvUnit(c256 if is_v8 else c512, c512, 3, stride=2),
            6: stage(c512, c512, "middle"),
            7: ConvUnit(c512, c1024, 3, stride=2),
            8: stage(c1024, c1024, "coarse"),
            9: PyramidPooling(c1024),
        }
        if not is_v8:
            layers[10] = AttentionStage(c1024, blocks=_repeats(2, depth))
        self._last = last = len(layers) - 1
        lateral = c256 if is_v8 else c512  # width of layer 4
        layers |= {
            last + 3: stage(c1024 + c512, c512, "up"),
            last + 6: stage(c512 + lateral, c256, "up"),
            last + 7: ConvUnit(c256, c256, 3, stride=2),
            last + 9: stage(c256 + c512, c512, "up"),
            last + 10: ConvUnit(c512, c512, 3, stride=2),
            last + 12: stage(c512 + c1024, c1024, "coarsest"),
            last + 13: SegmentHead(
                (c256, c512, c1024),
                classes=classes,
                prototype_width=_divisible_by_8(min(256, max_channels) * width),
                generation=generation,
            ),
        }
        self.model = nn.ModuleDict({str(number): layer for number, layer in layers.items()})
        self.made_of = module_parts(self)

    def forward(self, images: Tensor) -> RawInstances:
        """Process images in one pass.

        Args:
            images: (B, 3, h, w), RGB in 0..1, height and width multiples of 32.
        """
        lateral = {}
        x = images
        for number in range(self._last + 1):
            x = self.model[str(number)](x)
            lateral[number] = x
        layer, last = self.model, self._last
        deep = x
        middle = layer[str(last + 3)](torch.cat([_twice(deep), lateral[6]], dim=1))
        fine = layer[str(last + 6)](torch.cat([_twice(middle), lateral[4]], dim=1))
        middle = layer[str(last + 9)](torch.cat([layer[str(last + 7)](fine), middle], dim=1))
        coarse = layer[str(last + 12)](torch.cat([layer[str(last + 10)](middle), deep], dim=1))
        answers: RawInstances = layer[str(last + 13)]([fine, middle, coarse])
        return answers


def no_instances(classes: int, input_size_hw: tuple[int, int], device: torch.device) -> RawInstances:
    """Return the network's output for no images, (0, 3, h, w)."""
    h, w = input_size_hw
    places = sum((h // stride) * (w // stride) for stride in STRIDES)
    shapes = ((4, places), (classes, places), (PROTOTYPES, places), (PROTOTYPES, h // 4, w // 4))
    return RawInstances(*(torch.zeros(0, *shape, device=device) for shape in shapes))


def fused(network: YoloSeg) -> YoloSeg:
    """Copy an unadapted network for eval mode, with norms folded into convolutions: the same results, faster."""
    copied = copy.deepcopy(network)
    for module in copied.modules():
        if isinstance(module, ConvUnit):
            module.fuse()
    return copied


class SegmentHead(nn.Module):
    """Three small networks per grid, for boxes, classes and coefficients, and one for the prototypes.

    Args:
        channels: widths of the three grids.
        classes: K.
        prototype_width: width inside the prototypes' network.
        generation: "v8" or "11"; YOLO11 predicts classes with depthwise convolutions.
    """

    def __init__(
        self, channels: tuple[int, int, int], *, classes: int, prototype_width: int, generation: Generation
    ) -> None:
        super().__init__()
        finest = channels[0]
        box_width = max(16, finest // 4, 4 * DISTANCE_BINS)
        class_width = max(finest, min(classes, 100))
        mask_width = max(finest // 4, PROTOTYPES)
        before_classes = _plain_pair if generation == "v8" else _depthwise_pair
        self.cv2 = _branches(channels, box_width, 4 * DISTANCE_BINS, _plain_pair)
        self.cv3 = _branches(channels, class_width, classes, before_classes)
        self.cv4 = _branches(channels, mask_width, PROTOTYPES, _plain_pair)
        self.dfl = DistanceExpectation(DISTANCE_BINS)
        self.proto = Prototypes(finest, prototype_width, PROTOTYPES)

    def forward(self, grids: list[Tensor]) -> RawInstances:
        """Process three grids, (B, C, h, w) each, the finest first."""

        def answers(branches: nn.ModuleList) -> Tensor:
            return torch.cat([branch(grid).flatten(2) for branch, grid in zip(branches, grids, strict=True)], dim=2)

        return RawInstances(
            distances=self.dfl(answers(self.cv2)),
            class_logits=answers(self.cv3),
            coefficients=answers(self.cv4),
            prototypes=self.proto(grids[0]),
        )


def _stage_v8(channels_in: int, channels_out: int, place: str, *, depth: float) -> nn.Module:
    """Build a stage with half the width in each half; no residual connections after the backbone."""
    in_backbone = place not in ("up", "coarsest")
    return ChainStage(
        channels_in,
        channels_out,
        hidden=channels_out // 2,
        blocks=_repeats(6 if place in ("fine middle", "middle") else 3, depth),
        block=lambda channels: ConvPair(channels, channels, residual=in_backbone),
    )


def _stage_11(channels_in: int, channels_out: int, place: str, *, depth: float, inner: bool) -> nn.Module:
    """Build a stage with a quarter of the width in each half on fine backbone grids, deeper blocks on coarse ones."""
    is_deep = inner or place in ("middle", "coarse", "coarsest")
    return ChainStage(
        channels_in,
        channels_out,
        hidden=channels_out // (4 if place in ("fine", "fine middle") else 2),
        blocks=_repeats(2, depth),
        block=InnerStage if is_deep else lambda channels: ConvPair(channels, channels // 2),
    )


def _branches(
    channels: tuple[int, ...], hidden: int, outputs: int, pair: Callable[[int, int], tuple[nn.Module, nn.Module]]
) -> nn.ModuleList:
    return nn.ModuleList(nn.Sequential(*pair(width, hidden), nn.Conv2d(hidden, outputs, 1)) for width in channels)


def _plain_pair(channels: int, hidden: int) -> tuple[nn.Module, nn.Module]:
    return ConvUnit(channels, hidden, 3), ConvUnit(hidden, hidden, 3)


def _depthwise_pair(channels: int, hidden: int) -> tuple[nn.Module, nn.Module]:
    first = nn.Sequential(ConvUnit(channels, channels, 3, groups=channels), ConvUnit(channels, hidden))
    return first, nn.Sequential(ConvUnit(hidden, hidden, 3, groups=hidden), ConvUnit(hidden, hidden))


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _repeats(blocks: int, depth: float) -> int:
    return max(1, round(blocks * depth))


def _divisible_by_8(channels: float) -> int:
    return 8 * -int(-channels // 8)
