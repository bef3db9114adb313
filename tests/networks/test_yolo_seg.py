"""YOLO-seg of every size: published counts, and what it says about images that are not square."""

from __future__ import annotations

import pytest
import torch

from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from samara.networks.yolo_seg import STRIDES, fused

# Ultralytics' summaries: of the tables of YOLO11-seg, and of training logs of YOLOv8-seg on 80 classes.
PUBLISHED = {
    "yolov8n_seg": 3_409_968,
    "yolov8l_seg": 45_997_728,
    "yolo11n_seg": 2_876_848,
    "yolo11s_seg": 10_113_248,
    "yolo11m_seg": 22_420_896,
    "yolo11l_seg": 27_678_368,
    "yolo11x_seg": 62_142_656,
}


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_counts_are_those_that_were_published(name, parameters):
    assert VARIANTS[name].parameters == parameters


def test_three_classes_on_the_largest_yolov8():
    """The summary of somebody's training log: 71,753,737 parameters with three classes."""
    with torch.device("meta"):
        network = build_network(VARIANTS["yolov8x_seg"].with_classes(("a", "b", "c")))
    assert sum(parameter.numel() for parameter in network.parameters()) == 71_753_737


@pytest.mark.parametrize("name", ["yolov8n_seg", "yolo11n_seg"])
def test_shapes_of_answers(name):
    torch.manual_seed(0)
    network = build_network(VARIANTS[name]).eval()
    with torch.inference_mode():
        raw = network(torch.rand(2, 3, 96, 160))
    places = sum((96 // stride) * (160 // stride) for stride in STRIDES)
    assert raw.distances.shape == (2, 4, places)
    assert raw.class_logits.shape == (2, 80, places)
    assert raw.coefficients.shape == (2, 32, places)
    assert raw.prototypes.shape == (2, 32, 24, 40)
    assert 0 <= raw.distances.min() <= raw.distances.max() <= 15


def test_images_of_a_batch_do_not_influence_each_other():
    torch.manual_seed(0)
    network = build_network(VARIANTS["yolo11n_seg"]).eval()
    images = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        together, alone = network(images), network(images[1:])
    for both, one in zip(together, alone, strict=True):
        assert torch.allclose(both[1:], one, atol=1e-5)


def test_gradients_reach_every_weight_but_the_fixed_one():
    torch.manual_seed(0)
    network = build_network(VARIANTS["yolo11n_seg"])
    raw = network(torch.rand(2, 3, 64, 64))
    sum(answers.square().sum() for answers in raw).backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert without == ["model.23.dfl.conv.weight"]


@pytest.mark.parametrize("name", ["yolov8n_seg", "yolo11n_seg"])
def test_a_fused_copy_gives_the_same_answers(name):
    torch.manual_seed(0)
    network = build_network(VARIANTS[name])
    network(torch.rand(4, 3, 64, 64))  # in training mode: norms with statistics of their own
    network.eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    quick = fused(network)
    assert not any("running_mean" in key for key in quick.state_dict())
    images = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        for found, wanted in zip(quick(images), network(images), strict=True):
            assert (found - wanted).norm() < 1e-5 * wanted.norm()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
