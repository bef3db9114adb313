"""Losses against formulas written out pixel by pixel, at the extremes, and under reduced precision."""

from __future__ import annotations

import math

import pytest
import torch

from samara.errors import SettingsError
from samara.finetuning.losses import (
    LossWeights,
    balanced_cross_entropy,
    dice_loss,
    focal_loss,
    iou_of_logits,
    mask_loss,
)

LOSSES = [focal_loss, dice_loss, balanced_cross_entropy]
N, M, H, W = 3, 2, 4, 5


def given(seed=0, *, soft=True, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(N, M, H, W, generator=generator, dtype=dtype)
    targets = torch.rand(N, H, W, generator=generator, dtype=dtype)
    valid = torch.rand(N, H, W, generator=generator) < 0.7
    return logits, targets if soft else targets > 0.6, valid


def probability(logit):
    return 1 / (1 + math.exp(-logit))


def focal_by_hand(pixels, alpha=0.25, gamma=2.0):
    total = 0.0
    for x, t in pixels:
        p = probability(x)
        total -= t * alpha * (1 - p) ** gamma * math.log(p) + (1 - t) * (1 - alpha) * p**gamma * math.log(1 - p)
    return total / len(pixels)


def dice_by_hand(pixels):
    p = [probability(x) for x, _ in pixels]
    t = [t for _, t in pixels]
    return 1 - (2 * sum(a * b for a, b in zip(p, t, strict=True)) + 1) / (sum(p) + sum(t) + 1)


def balanced_by_hand(pixels):
    inside = sum(-t * math.log(probability(x)) for x, t in pixels) / sum(t for _, t in pixels)
    outside = sum(-(1 - t) * math.log(1 - probability(x)) for x, t in pixels) / sum(1 - t for _, t in pixels)
    return (inside + outside) / 2


def iou_by_hand(pixels):
    masks = [(x > 0, t > 0.5) for x, t in pixels]
    union = sum(a or b for a, b in masks)
    return sum(a and b for a, b in masks) / union if union else 0.0


BY_HAND = [
    (focal_loss, focal_by_hand),
    (dice_loss, dice_by_hand),
    (balanced_cross_entropy, balanced_by_hand),
    (iou_of_logits, iou_by_hand),
]


@pytest.mark.parametrize(("loss", "by_hand"), BY_HAND)
@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("padding", ["none", "shared", "per object"])
def test_equals_the_formula(loss, by_hand, soft, padding):
    logits, targets, valid = given(soft=soft)
    valid = {"none": None, "shared": valid[0], "per object": valid}[padding]
    result = loss(logits, targets, valid)
    assert result.shape == (N, M)
    counts = torch.ones(N, H, W, dtype=torch.bool) if valid is None else valid.expand(N, H, W)
    for n in range(N):
        for m in range(M):
            pixels = [
                (logits[n, m, y, x].item(), float(targets[n, y, x]))
                for y in range(H)
                for x in range(W)
                if counts[n, y, x]
            ]
            assert result[n, m].item() == pytest.approx(by_hand(pixels), rel=1e-9, abs=1e-12)


def test_focal_loss_takes_alpha_and_gamma():
    logits, targets, _ = given()
    pixels = [(x.item(), t.item()) for x, t in zip(logits[1, 0].flatten(), targets[1].flatten(), strict=True)]
    result = focal_loss(logits, targets, alpha=0.6, gamma=0.5)[1, 0]
    assert result.item() == pytest.approx(focal_by_hand(pixels, 0.6, 0.5))


def test_focal_loss_without_focus_is_half_the_cross_entropy():
    logits, targets, _ = given()
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], targets)
    torch.testing.assert_close(focal_loss(logits, targets, alpha=0.5, gamma=0.0)[:, 0].mean(), plain / 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_the_derivatives(loss):
    logits, targets, valid = (x[..., :2, :3].clone() for x in given(1))
    assert torch.autograd.gradcheck(lambda x, t: loss(x, t, valid), (logits.requires_grad_(), targets.requires_grad_()))


def test_gradient_of_the_whole():
    logits, targets, valid = (x[..., :2, :3].clone() for x in given(2, soft=False))
    predicted = torch.rand(N, M, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)
    weights = LossWeights(cross_entropy=1.0)

    def total(x, p):
        return mask_loss(x, p, targets, valid, weights=weights).total

    assert torch.autograd.gradcheck(total, (logits.requires_grad_(), predicted))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("target", ["empty", "full", "mixed"])
@pytest.mark.parametrize("size", [0.0, 30.0, 1e4, -1e4])
def test_extreme_logits_and_targets_stay_finite(loss, target, size):
    targets = {"empty": torch.zeros(1, 4, 4), "full": torch.ones(1, 4, 4), "mixed": torch.eye(4)[None]}[target]
    signs = torch.ones(1, 2, 4, 4)
    signs[:, 1, ::2] = -1
    logits = (size * signs).requires_grad_()
    for valid in (None, torch.eye(4, dtype=torch.bool), torch.zeros(4, 4, dtype=torch.bool)):
        value = loss(logits, targets, valid)
        (gradient,) = torch.autograd.grad(value.sum(), logits)
        assert value.isfinite().all()
        assert (value >= 0).all()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
def test_small_gamma_has_finite_gradients(gamma):
    logits = torch.tensor([1e4, -1e4, 0.0, 100.0]).view(1, 1, 2, 2).requires_grad_()
    focal_loss(logits, torch.ones(1, 2, 2), gamma=gamma).sum().backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_sure_and_right_mask_costs_nothing_and_a_wrong_one_much(loss):
    targets = torch.zeros(1, 8, 8)
    targets[:, 2:5, 2:5] = 1
    right = 1e4 * (2 * targets[:, None] - 1)
    assert loss(right, targets).item() == pytest.approx(0, abs=1e-6)
    assert loss(-right, targets).item() > 0.8


@pytest.mark.parametrize("empty", [0.0, 1.0])
def test_balanced_cross_entropy_of_one_side_only_is_the_plain_one(empty):
    logits, _, _ = given()
    targets = torch.full((N, H, W), empty, dtype=torch.float64)
    plain = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, targets[:, None].expand_as(logits), reduction="none"
    )
    torch.testing.assert_close(balanced_cross_entropy(logits, targets), plain.mean((2, 3)))


def test_balanced_cross_entropy_does_not_depend_on_the_areas():
    small, large = torch.zeros(1, 10, 10), torch.zeros(1, 10, 10)
    small[:, :1, :1], large[:, :9] = 1, 1
    losses = [
        balanced_cross_entropy(torch.where(target > 0, -1.0, -3.0)[:, None], target).item() for target in (small, large)
    ]
    assert losses[0] == pytest.approx(losses[1])


@pytest.mark.parametrize("loss", [*LOSSES, iou_of_logits])
def test_padding_does_not_count_even_if_it_is_not_a_number(loss):
    logits, targets, _ = given(soft=False)
    valid = torch.zeros(H, W, dtype=torch.bool)
    valid[:3, :4] = True
    alone = loss(logits[..., :3, :4], targets[..., :3, :4])
    logits = torch.where(valid, logits, torch.nan).requires_grad_()
    padded = loss(logits, torch.where(valid, targets.double(), torch.nan), valid)
    torch.testing.assert_close(padded, alone)
    if padded.requires_grad:
        (gradient,) = torch.autograd.grad(padded.sum(), logits)
        assert gradient.isfinite().all()
        assert not gradient[..., ~valid].any()


def test_real_iou_has_no_gradient_and_an_empty_union_is_zero():
    logits = torch.full((1, 1, 2, 2), -1.0, requires_grad=True)
    iou = iou_of_logits(logits, torch.zeros(1, 2, 2))
    assert not iou.requires_grad
    assert iou.item() == 0
    assert iou.dtype == torch.float32
    assert iou_of_logits(-logits, torch.ones(1, 2, 2)).item() == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened(dtype):
    logits, targets, valid = given(dtype=torch.float32)
    logits = logits.to(dtype)
    predicted = torch.rand(N, M, generator=torch.Generator().manual_seed(0)).to(dtype)
    weights = LossWeights(cross_entropy=1.0)
    wide = mask_loss(logits.float(), predicted.float(), targets, valid, weights=weights)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        narrow = mask_loss(logits, predicted, targets, valid, weights=weights)
    for name in ("total", "mask", "iou_error", "best"):
        assert torch.equal(getattr(narrow, name), getattr(wide, name))
    assert narrow.total.dtype == torch.float32


def test_the_best_mask_alone_is_learnt_from_and_every_iou():
    logits, targets, _ = given(soft=False)
    logits.requires_grad_()
    predicted = torch.full((N, M), 0.3, dtype=torch.float64, requires_grad=True)
    loss = mask_loss(logits, predicted, targets, weights=LossWeights(iou=2.0))
    assert torch.equal(loss.best, loss.mask.argmin(1))
    real = iou_of_logits(logits, targets)
    torch.testing.assert_close(loss.iou_error, ((0.3 - real) ** 2).mean(1))
    torch.testing.assert_close(loss.total, loss.mask.amin(1) + 2 * loss.iou_error)
    loss.total.sum().backward()
    learnt = logits.grad.flatten(2).abs().sum(2) > 0
    assert torch.equal(learnt, torch.nn.functional.one_hot(loss.best, M).bool())
    torch.testing.assert_close(predicted.grad, 2 * 2 * (0.3 - real) / M)


def test_weights_are_those_of_the_paper_and_weigh():
    logits, targets, valid = given()
    predicted = torch.zeros(N, M)
    paper = mask_loss(logits, predicted, targets, valid, weights=LossWeights()).mask
    torch.testing.assert_close(paper, 20 * focal_loss(logits, targets, valid) + dice_loss(logits, targets, valid))
    own = mask_loss(logits, predicted, targets, valid, weights=LossWeights(focal=0, dice=0, cross_entropy=3)).mask
    torch.testing.assert_close(own, 3 * balanced_cross_entropy(logits, targets, valid))


@pytest.mark.parametrize(
    "weights", [{"focal": -1.0}, {"iou": math.nan}, {"dice": math.inf}, {"focal": 0.0, "dice": 0.0}]
)
def test_weights_out_of_range_are_refused(weights):
    with pytest.raises(SettingsError, match="weight"):
        LossWeights(**weights)


LOGITS, TARGETS = torch.zeros(2, 3, 4, 5), torch.zeros(2, 4, 5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((LOGITS[0], TARGETS), "logits must be"),
        ((LOGITS.long(), TARGETS), "logits must be"),
        ((LOGITS, TARGETS[:1]), "targets are"),
        ((LOGITS, TARGETS.to(torch.uint8)), "targets are torch.uint8"),
        ((LOGITS, TARGETS, torch.ones(4, 5)), "valid is torch.float32"),
        ((LOGITS, TARGETS, torch.ones(5, 4, dtype=torch.bool)), "valid is"),
    ],
)
@pytest.mark.parametrize("loss", [*LOSSES, iou_of_logits])
def test_what_does_not_fit_is_refused(loss, arguments, words):
    with pytest.raises(SettingsError, match=words):
        loss(*arguments)


@pytest.mark.parametrize("settings", [{"alpha": 1.5}, {"gamma": -1.0}, {"gamma": math.nan}])
def test_focal_settings_out_of_range_are_refused(settings):
    with pytest.raises(SettingsError, match="alpha must be"):
        focal_loss(LOGITS, TARGETS, **settings)


@pytest.mark.parametrize("predicted", [torch.zeros(2, 4), torch.zeros(2, 3, dtype=torch.int64)])
def test_predicted_iou_must_fit(predicted):
    with pytest.raises(SettingsError, match="predicted_iou is"):
        mask_loss(LOGITS, predicted, TARGETS, weights=LossWeights())


@pytest.mark.gpu
def test_cuda_gives_the_same():
    logits, targets, valid = given(dtype=torch.float32)
    predicted = torch.full((N, M), 0.5)
    weights = LossWeights(cross_entropy=1.0)
    here = mask_loss(logits, predicted, targets, valid, weights=weights)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        there = mask_loss(logits.cuda(), predicted.cuda(), targets.cuda(), valid.cuda(), weights=weights)
    torch.testing.assert_close(there.total.cpu(), here.total)
    assert torch.equal(there.best.cpu(), here.best)
