"""Prompts of every kind in the input frame, and how two engines answer them."""

from __future__ import annotations

import torch

from samara.engines.engine import InputPrompts


def prompts(kind, size, images=1, mask_side=None):
    """A few prompts of one kind, spread over the images out of order; masks are a quarter of the frame by default."""
    generator = torch.Generator().manual_seed(5)
    count = {"many points": 20}.get(kind, 3)
    points = torch.rand(count, 2 if kind == "two points" else 1, 2, generator=generator) * size
    corners = torch.rand(count, 2, 2, generator=generator) * size
    boxes = torch.cat([corners.amin(1), corners.amax(1)], dim=1)
    side = mask_side or size // 4
    masks = torch.randn(count, 1, side, side, generator=generator) * 4
    labels = torch.arange(points.shape[1]).expand(count, -1) % 2
    return InputPrompts(
        points=None if kind in ("box", "mask") else (points, 1 - labels),
        boxes=boxes if "box" in kind else None,
        masks=masks if "mask" in kind else None,
        image_of_prompt=(torch.arange(count) * 7 + 1) % images,
    )


KINDS = ("point", "two points", "box", "point and box", "box and mask", "mask", "many points")


def kinds_of(loaded):
    """Kinds that a network takes; the number of points and their labels do not matter to a network."""
    return [kind for kind in KINDS if "mask" not in kind or loaded.variant.capabilities.mask_input]


def assert_same_answers(engine, reference, features, kind, size, *, images=1, **more):
    """The same masks of the same prompts in the same order."""
    settings = {"frame_size": size, "multimask": True} | more
    asked = prompts(kind, size, images, 4 * features.shape[-1])
    expected = reference.decode(reference.prepare(features[:images]), asked, **settings)
    found = engine.decode(engine.prepare(features[:images]), asked, **settings)
    assert found.prompt.equal(expected.prompt)
    assert found.low_res_logits.dtype == found.predicted_iou.dtype == torch.float32
    torch.testing.assert_close(found.predicted_iou, expected.predicted_iou, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.low_res_logits, expected.low_res_logits, rtol=1e-3, atol=1e-3)
    return found


def thresholds(reference, features, kind, size):
    """A predicted IoU that some masks of these prompts exceed and some do not, far from any of them."""
    asked = prompts(kind, size)
    iou = reference.decode(reference.prepare(features[:1]), asked, frame_size=size, multimask=True).predicted_iou
    ordered = iou.sort().values
    middle = len(ordered) // 2
    return ((ordered[middle - 1] + ordered[middle]) / 2).item()


def relative_error(found, expected):
    return ((found - expected).norm() / expected.norm()).item()
