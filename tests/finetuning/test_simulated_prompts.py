"""Simulated prompts: where they lie, how likely, and that the networks see the official form of them."""

from __future__ import annotations

import math

import pytest
import torch

from samara.errors import SettingsError
from samara.finetuning.simulated_prompts import (
    PromptSimulation,
    SimulatedPrompts,
    corrective_points,
    first_prompts,
    pixel_of_rank,
)
from samara.networks.mask_decoder import MaskDecoder
from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.two_way_transformer import TwoWayTransformer

PAPER = PromptSimulation()
CLICKS = PromptSimulation(point_probability=1.0)
BOXES = PromptSimulation(point_probability=0.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rectangle(x0, y0, x1, y1, size_hw=(64, 64)):
    mask = torch.zeros(size_hw, dtype=torch.bool)
    mask[y0:y1, x0:x1] = True
    return mask


def blobs(count, size_hw=(12, 9), seed=0):
    masks = torch.rand(count, *size_hw, generator=generator(seed)) < 0.2
    masks[:, 0, 0] = True
    return masks


def test_every_pixel_has_its_rank():
    for region in blobs(5):
        area = int(region.sum())
        found = pixel_of_rank(region.expand(area, -1, -1), torch.arange(area))
        assert torch.equal(found.flip(1), region.nonzero())  # (x, y) against (y, x), row by row
        again = pixel_of_rank(region.expand(area, -1, -1), torch.arange(area) + 7 * area)
        assert torch.equal(again, found)


def test_clicks_are_uniform_over_the_object():
    target = rectangle(2, 1, 4, 3, (5, 6))
    target[4, 5] = True
    prompts = first_prompts(target.expand(5000, -1, -1), generator(), CLICKS)
    assert torch.equal(prompts.labels, torch.tensor([1, -1]).expand(5000, 2))
    pixels, counts = prompts.points[:, 0].unique(dim=0, return_counts=True)
    assert {tuple(pixel) for pixel in pixels.tolist()} == {(2, 1), (3, 1), (2, 2), (3, 2), (5, 4)}
    assert (counts - 1000).abs().max() < 130  # 4.6 standard deviations


def test_boxes_without_noise_are_tight_with_exclusive_ends():
    targets = torch.stack([rectangle(2, 3, 10, 30), rectangle(63, 0, 64, 1)])
    prompts = first_prompts(targets, generator(), PromptSimulation(point_probability=0, box_noise=0))
    assert prompts.points.flatten(1).tolist() == [[2, 3, 10, 30], [63, 0, 64, 1]]
    assert prompts.labels.tolist() == [[2, 3], [2, 3]]


def test_box_noise_is_a_tenth_of_the_side():
    target = rectangle(20, 30, 60, 110, (128, 128))[None].expand(1500, -1, -1)
    settings = PromptSimulation(point_probability=0, box_noise_max_px=128)  # 16 pixels of this grid
    noise = first_prompts(target, generator(), settings).points.flatten(1) - torch.tensor([20.0, 30.0, 60.0, 110.0])
    expected = torch.tensor([4.0, 8.0, 4.0, 8.0])
    assert (noise.mean(0).abs() < 0.1 * expected).all()
    # The normal's tails beyond 16 pixels, two standard deviations of the height, are cut off.
    cut = 0.9594  # standard deviation of a standard normal whose values are clamped to ±2
    torch.testing.assert_close(noise.std(0), expected * torch.tensor([1, cut, 1, cut]), rtol=0.06, atol=0)
    assert noise.abs().max().item() == 16


def test_the_noise_limit_shrinks_with_the_grid():
    target = rectangle(50, 50, 200, 200, (256, 256))[None].expand(200, -1, -1)
    noise = first_prompts(target, generator(), BOXES).points.flatten(1) - torch.tensor([50.0, 50.0, 200.0, 200.0])
    assert noise.abs().max().item() == 5


def test_boxes_stay_within_the_grid_with_corners_in_order():
    targets = torch.stack([rectangle(0, 0, 20, 10, (10, 20)), rectangle(19, 9, 20, 10, (10, 20))])
    settings = PromptSimulation(point_probability=0, box_noise=2.0, box_noise_max_px=1e6)
    points = first_prompts(targets.repeat(300, 1, 1), generator(), settings).points
    assert (points >= 0).all()
    assert (points <= torch.tensor([20.0, 10.0])).all()
    assert (points[:, 0] <= points[:, 1]).all()


@pytest.mark.parametrize("probability", [0.5, 0.2])
def test_points_are_as_likely_as_asked(probability):
    targets = rectangle(1, 1, 5, 5, (8, 8))[None].expand(3000, -1, -1)
    prompts = first_prompts(targets, generator(), PromptSimulation(point_probability=probability))
    share = (prompts.labels[:, 0] == 1).double().mean().item()
    assert share == pytest.approx(probability, abs=0.04)


def test_prompts_follow_from_the_generator_alone():
    targets = blobs(20)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    one, same = (first_prompts(targets, generator(7), PAPER) for _ in range(2))
    other = first_prompts(targets, generator(8), PAPER)
    assert torch.equal(one.points, same.points)
    assert torch.equal(one.labels, same.labels)
    assert not torch.equal(one.points, other.points)
    logits = torch.randn(20, 12, 9, generator=generator(1))
    points = [corrective_points(logits, targets, generator(7))[0] for _ in range(2)]
    assert torch.equal(*points)
    assert torch.equal(torch.get_rng_state(), state)


def test_corrective_points_lie_where_the_mask_is_wrong():
    targets = blobs(400, seed=1)
    logits = torch.randn(400, 12, 9, generator=generator(2))
    points, labels = corrective_points(logits, targets, generator())
    assert points.shape == (400, 2)
    assert points.dtype == torch.float32
    assert labels.dtype == torch.int64
    x, y = points.long().unbind(1)
    objects = torch.arange(400)
    wanted, got = targets[objects, y, x], (logits > 0)[objects, y, x]
    assert (wanted != got).all()
    assert torch.equal(labels, wanted.long())
    assert set(labels.tolist()) == {0, 1}


def test_without_background_points_only_what_is_missed_is_wrong():
    targets = blobs(200, seed=1)
    logits = torch.randn(200, 12, 9, generator=generator(2))
    logits[:100] = 1.0  # misses nothing
    points, labels = corrective_points(logits, targets, generator(), background=False)
    x, y = points.long().unbind(1)
    objects = torch.arange(200)
    assert targets[objects, y, x].all()
    assert (labels == 1).all()
    assert not (logits[objects, y, x][100:] > 0).any()


def test_corrective_points_are_uniform_over_the_error():
    target = rectangle(0, 0, 2, 1, (3, 3))
    logits = torch.where(target, -1.0, -1.0)  # misses (0, 0) and (1, 0)
    logits[2, 2] = 1  # and invents (2, 2)
    points, labels = corrective_points(logits.expand(3000, -1, -1), target.expand(3000, -1, -1), generator())
    pixels, counts = torch.cat([points, labels[:, None]], 1).unique(dim=0, return_counts=True)
    assert pixels.tolist() == [[0, 0, 1], [1, 0, 1], [2, 2, 0]]
    assert (counts - 1000).abs().max() < 120


def test_a_right_mask_gets_a_point_inside_the_object():
    targets = blobs(50)
    points, labels = corrective_points(targets.float() - 0.5, targets, generator())
    x, y = points.long().unbind(1)
    assert targets[torch.arange(50), y, x].all()
    assert (labels == 1).all()
    assert len(points.unique(dim=0)) > 5


@pytest.mark.parametrize("shared", [True, False])
def test_errors_in_padding_are_no_errors(shared):
    targets = rectangle(0, 0, 2, 2, (4, 8))[None].expand(200, -1, -1)
    valid = torch.zeros(4, 8, dtype=torch.bool)
    valid[:, :4] = True
    points, labels = corrective_points(
        torch.ones(200, 4, 8), targets, generator(), valid=valid if shared else valid.expand(200, -1, -1)
    )
    assert points[:, 0].max() == 3
    assert (labels == 0).all()


def test_logits_that_learn_are_no_obstacle():
    logits = torch.randn(4, 12, 9, generator=generator(), requires_grad=True)
    points, _ = corrective_points(logits, blobs(4), generator())
    assert not points.requires_grad


def test_points_are_appended():
    prompts = first_prompts(blobs(3), generator(), PAPER)
    longer = prompts.with_points(torch.tensor([[1, 2], [3, 4], [5, 6]]), torch.tensor([1, 0, 1]))
    assert torch.equal(longer.points[:, :2], prompts.points)
    assert longer.points[:, 2].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert longer.points.dtype == torch.float32
    assert longer.labels[:, 2].tolist() == [1, 0, 1]
    assert prompts.labels.shape == (3, 2)


def test_scaling_maps_centres_to_centres_and_edges_to_edges():
    prompts = SimulatedPrompts(
        torch.tensor([[[0.0, 3.0], [0.0, 0.0]], [[0.0, 2.0], [8.0, 4.0]]]), torch.tensor([[1, -1], [2, 3]])
    )
    scaled = prompts.scaled(4.0)
    assert scaled.points[0, 0].tolist() == [1.5, 13.5]
    assert scaled.points[1].tolist() == [[0.0, 8.0], [32.0, 16.0]]
    assert torch.equal(scaled.labels, prompts.labels)
    torch.testing.assert_close(scaled.scaled(0.25).points[1], prompts.points[1])
    assert torch.equal(prompts.scaled(1.0).points, prompts.points)


def test_the_papers_schedule():
    random = generator()
    plans = [PAPER.schedule(random) for _ in range(200)]
    assert all(len(plan) == 10 and sum(plan) == 8 and not plan[-1] for plan in plans)
    assert {plan.index(False) for plan in plans} == set(range(8))


@pytest.mark.parametrize(
    ("rounds", "without", "plan"),
    [(0, 0, ()), (3, 0, (True, True, True)), (2, 1, (True, True, False)), (0, 2, (False, False))],
)
def test_other_schedules(rounds, without, plan):
    assert PromptSimulation(rounds=rounds, rounds_without_points=without).schedule(generator()) == plan


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    encoder = PromptEncoder(input_image_size=(64, 64), image_embedding_size=(4, 4))
    return encoder, MaskDecoder(transformer=TwoWayTransformer(mlp_dim=64)).eval()


@pytest.mark.parametrize("rounds", [0, 3])
@pytest.mark.parametrize("settings", [CLICKS, BOXES], ids=["click", "box"])
def test_the_networks_see_the_official_form(networks, settings, rounds):
    encoder, decoder = networks
    targets = blobs(6, (16, 16))
    prompts = first_prompts(targets, generator(), settings)
    for seed in range(rounds):
        logits = torch.randn(6, 16, 16, generator=generator(seed))
        prompts = prompts.with_points(*corrective_points(logits, targets, generator(seed)))
    prompts = prompts.scaled(4.0)
    if settings is CLICKS:
        kept = [index for index in range(2 + rounds) if index != 1]
        points, boxes = (prompts.points[:, kept], prompts.labels[:, kept]), None
    else:
        points = (prompts.points[:, 2:], prompts.labels[:, 2:]) if rounds else None
        boxes = prompts.points[:, :2].flatten(1)
    with torch.no_grad():
        official, dense = encoder(points, boxes)
        ours, _ = encoder((prompts.points, prompts.labels), pad=False)
        assert ours.shape == official.shape == (6, 2 + rounds, 256)
        torch.testing.assert_close(in_order(ours), in_order(official))
        embedding = torch.randn(1, 256, 4, 4, generator=generator(3))
        for multimask in (True, False):
            masks, iou = decoder(embedding, encoder.get_dense_pe(), ours, dense, multimask)
            official_masks, official_iou = decoder(embedding, encoder.get_dense_pe(), official, dense, multimask)
            torch.testing.assert_close(masks, official_masks, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(iou, official_iou, atol=1e-5, rtol=1e-4)


def in_order(tokens):
    """Each object's tokens sorted by their first channel, so that sets can be compared."""
    order = tokens[..., 0].argsort(dim=1, stable=True)
    return tokens.gather(1, order[..., None].expand_as(tokens))


def test_the_padding_of_a_click_matters(networks):
    """Otherwise the test above would show nothing about it."""
    encoder, decoder = networks
    prompts = first_prompts(blobs(2, (16, 16)), generator(), CLICKS).scaled(4.0)
    with torch.no_grad():
        embedding = torch.randn(1, 256, 4, 4, generator=generator(3))
        masks = []
        for pad in (False, True):
            sparse, dense = encoder((prompts.points, prompts.labels), pad=pad)
            masks.append(decoder(embedding, encoder.get_dense_pe(), sparse, dense, True)[0])
    assert (masks[0] - masks[1]).abs().max() > 1e-3


@pytest.mark.parametrize(
    "settings",
    [
        {"rounds": -1},
        {"rounds_without_points": -1},
        {"point_probability": 1.1},
        {"point_probability": math.nan},
        {"box_noise": -0.1},
        {"box_noise_max_px": math.inf},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(SettingsError, match=next(iter(settings))):
        PromptSimulation(**settings)


def test_empty_targets_are_refused():
    targets = blobs(4)
    targets[2:] = False
    with pytest.raises(SettingsError, match="2 of 4 targets are empty, the first is number 2"):
        first_prompts(targets, generator(), PAPER)
    with pytest.raises(SettingsError, match="are empty"):
        corrective_points(torch.zeros(4, 12, 9), targets, generator())


def test_no_objects_no_prompts():
    prompts = first_prompts(blobs(0), generator(), PAPER)
    assert prompts.points.shape == (0, 2, 2)
    points, labels = corrective_points(torch.zeros(0, 12, 9), blobs(0), generator())
    assert points.shape == (0, 2)
    assert labels.shape == (0,)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: first_prompts(torch.ones(2, 3, 3), generator(), PAPER), "targets must be a boolean"),
        (lambda: first_prompts(blobs(1)[0], generator(), PAPER), "targets must be a boolean"),
        (lambda: corrective_points(torch.zeros(1, 3, 3), blobs(1), generator()), "logits are"),
        (
            lambda: corrective_points(torch.zeros(1, 12, 9), blobs(1), generator(), valid=torch.ones(12, 9)),
            "valid is torch.float32",
        ),
        (
            lambda: corrective_points(torch.zeros(1, 12, 9), blobs(1), generator(), valid=blobs(1)[:, 1:]),
            "valid is torch.bool",
        ),
        (lambda: SimulatedPrompts(torch.zeros(2, 3, 2), torch.zeros(2, 2)), "points are"),
        (
            lambda: first_prompts(blobs(3), generator(), PAPER).with_points(torch.zeros(2, 2), torch.zeros(2)),
            "for 3 objects",
        ),
        (lambda: first_prompts(blobs(3), generator(), PAPER).scaled(0), "scale is 0"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(SettingsError, match=words):
        call()


@pytest.mark.gpu
def test_cuda_gives_the_same():
    targets = blobs(30)
    logits = torch.randn(30, 12, 9, generator=generator(1))
    here, there = (first_prompts(masks, generator(), PAPER) for masks in (targets, targets.cuda()))
    torch.testing.assert_close(there.points.cpu(), here.points)
    assert torch.equal(there.labels.cpu(), here.labels)
    points, labels = corrective_points(logits.cuda(), targets.cuda(), generator())
    expected_points, expected_labels = corrective_points(logits, targets, generator())
    assert torch.equal(points.cpu(), expected_points)
    assert torch.equal(labels.cpu(), expected_labels)
    own = torch.Generator("cuda").manual_seed(0)
    assert first_prompts(targets.cuda(), own, PAPER).points.is_cuda
