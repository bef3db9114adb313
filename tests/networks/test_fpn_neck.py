"""The pyramid's neck: only the third level takes from the fourth. Values: tests/parity/test_sam2_networks.py."""

from __future__ import annotations

import pytest
import torch

from samara.networks.fpn_neck import FpnNeck

WIDTHS = [3, 6, 12, 24]


def stages(*, changed=None):
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(1, width, 16 >> level, 16 >> level, generator=generator) for level, width in enumerate(WIDTHS)]
    if changed is not None:
        maps[changed] = maps[changed] + 1
    return maps


@pytest.fixture(scope="module")
def neck():
    torch.manual_seed(0)
    return FpnNeck(WIDTHS, channels=5)


def test_the_first_convolution_is_the_coarsest_stages(neck):
    assert [convolution.conv.in_channels for convolution in neck.convs] == [24, 12, 6, 3]
    assert next(iter(neck.state_dict())) == "convs.0.conv.weight"
    assert [level.shape for level in neck(stages())] == [(1, 5, side, side) for side in (16, 8, 4, 2)]


@pytest.mark.parametrize(("stage", "levels"), [(0, {0}), (1, {1}), (2, {2}), (3, {2, 3})])
def test_which_levels_a_stage_reaches(neck, stage, levels):
    before, after = neck(stages()), neck(stages(changed=stage))
    assert {index for index, (a, b) in enumerate(zip(before, after, strict=True)) if not a.equal(b)} == levels


def test_the_coarsest_level_is_doubled_by_repeating(neck):
    maps = stages()
    *_, third, fourth = neck(maps)
    alone = neck.convs[1](maps[2])
    torch.testing.assert_close(third - alone, fourth.repeat_interleave(2, 2).repeat_interleave(2, 3))
