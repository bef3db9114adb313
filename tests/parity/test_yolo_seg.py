"""FastSAM and YOLO-seg against the official code, under the same deterministic weights.

The golden values are those of Ultralytics 8.4.190, which the tests neither need nor import.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import samara
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from samara.segmentation.instances.decode import boxes_of_distances
from tests.parity.deterministic import deterministic_state, golden, relative_error

TOLERANCE = 1e-4
SIDE = 640


def pixels():
    return np.random.Generator(np.random.PCG64(7)).random((1, 3, SIDE, SIDE), dtype=np.float32)


@pytest.fixture(scope="module", params=["yolo11n_seg", "yolov8n_seg", "fastsam_s"])
def answered(request):
    """Golden outputs and ours."""
    network = build_network(VARIANTS[request.param])
    state = deterministic_state(network)
    fixed = next(key for key in state if key.endswith("dfl.conv.weight"))
    state[fixed] = torch.arange(16.0).view(1, 16, 1, 1)
    network.load_state_dict(state, strict=True)
    with torch.inference_mode():
        return golden(request.param), network.eval()(torch.from_numpy(pixels()))


@pytest.mark.parametrize("name", ["yolov8n_seg", "yolo11n_seg", "fastsam_s", "fastsam_x"])
def test_keys_shapes_and_counts_are_the_published_ones(name):
    expected = golden(name)
    with torch.device("meta"):
        network = build_network(VARIANTS[name])
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == {
        key: entry["shape"] for key, entry in expected["layout"].items()
    }
    assert sum(parameter.numel() for parameter in network.parameters()) == expected["parameters"]
    assert VARIANTS[name].parameters == expected["parameters"]
    assert VARIANTS[name].keys == len(expected["layout"])
    assert VARIANTS[name].detector.classes == len(VARIANTS[name].class_names) == expected["classes"]


def test_raw_answers(answered):
    expected, raw = answered
    outputs = expected["outputs"]
    assert relative_error(outputs["out.1.scores"], raw.class_logits) < TOLERANCE
    assert relative_error(outputs["out.1.mask_coefficient"], raw.coefficients) < TOLERANCE
    assert relative_error(outputs["out.0.1"], raw.prototypes) < TOLERANCE
    assert raw.prototypes.mean().item() == pytest.approx(outputs["out.0.1"]["mean"], abs=1e-6)
    assert raw.prototypes.std().item() == pytest.approx(outputs["out.0.1"]["std"], rel=1e-4)


def test_decoded_answers(answered):
    """The official tensor holds centre and size of the boxes, confidences, coefficients, of every place."""
    expected, raw = answered
    corners = boxes_of_distances(raw.distances, (SIDE, SIDE))
    boxes = torch.cat([(corners[..., :2] + corners[..., 2:]) / 2, corners[..., 2:] - corners[..., :2]], dim=2).mT
    decoded = torch.cat([boxes, raw.class_logits.sigmoid(), raw.coefficients], dim=1)
    probe = expected["outputs"]["out.0.0"]
    assert relative_error(probe, decoded) < TOLERANCE
    np.testing.assert_allclose(
        decoded.flatten()[torch.tensor(probe["index"])].numpy(), probe["value"], rtol=1e-4, atol=1e-4
    )
    assert decoded.mean().item() == pytest.approx(probe["mean"], rel=1e-5)
    assert decoded.std().item() == pytest.approx(probe["std"], rel=1e-5)


@pytest.mark.skipif("SAMARA_GOLDEN" not in os.environ, reason="set SAMARA_GOLDEN to the folder of the golden files")
def test_a_file_that_ultralytics_wrote():
    """6 MB, so not in the repository; `tests/checkpoints/test_detectors.py` writes one like it."""
    path = Path(os.environ["SAMARA_GOLDEN"]) / "ultralytics_style_yolo11n_seg.pt"
    loaded = samara.load(path, device="cpu", precision="float32")
    assert (loaded.variant.name, loaded.provenance.licence) == ("yolo11n_seg", "AGPL-3.0-only")
    assert loaded.variant.class_names == tuple(str(index) for index in range(80))
    with torch.inference_mode():
        raw = loaded.network(torch.from_numpy(pixels()))
    outputs = golden("yolo11n_seg")["outputs"]
    assert relative_error(outputs["out.1.scores"], raw.class_logits) < 5e-3  # the file is in half precision
    assert relative_error(outputs["out.0.1"], raw.prototypes) < 5e-3
    assert "ultralytics" not in sys.modules
