"""The decoder for exporters: traced, it goes on depending on its inputs; values are in test_numbers."""

from __future__ import annotations

import warnings

import torch

from samara.segment_anything.utils.onnx import SamOnnxModel


def inputs(points, size):
    torch.manual_seed(points)
    return (
        torch.randn(1, 256, 4, 4),
        torch.rand(1, points, 2) * 60,
        torch.randint(-1, 4, (1, points)).float(),
        torch.randn(1, 1, 16, 16),
        torch.ones(1),
        torch.tensor(size),
    )


def test_a_trace_takes_other_numbers_of_points_and_other_images(tiny_sam):
    model = SamOnnxModel(tiny_sam, return_single_mask=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracers warn of every conversion
        traced = torch.jit.trace(model, inputs(5, [50.0, 40.0]), check_trace=False)
    for points, size in ((5, [50.0, 40.0]), (1, [30.0, 90.0]), (3, [64.0, 64.0])):
        for found, wanted in zip(traced(*inputs(points, size)), model(*inputs(points, size)), strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_one_point_chooses_among_three_masks_and_several_do_not():
    masks = torch.arange(4.0).view(1, 4, 1, 1)
    scores = torch.tensor([[0.99, 0.1, 0.5, 0.3]])
    model = SamOnnxModel.select_masks
    assert model(None, masks, scores, 2)[0].item() == 2
    assert model(None, masks, scores, 3)[0].item() == 0


def test_sizes_are_rounded_as_the_transform_rounds():
    assert SamOnnxModel.resize_longest_image_size(torch.tensor([1200.0, 1800.0]), 1024).tolist() == [683, 1024]
