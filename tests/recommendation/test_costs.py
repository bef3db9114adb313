"""The table of costs: arithmetic counted again, times and memory as in the benchmark's results."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.networks.build import build_network
from samara.networks.mask_decoder import THREE_MASKS
from samara.networks.variants import VARIANTS
from samara.recommendation.costs import (
    COSTS,
    MATRIX_FLOPS,
    MEASURED_ON,
    TRAINING_BYTES,
    TRAINING_RATIO,
    training_bytes,
)

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "inference_cost.csv"


def rows(variant=None, size=None):
    with RESULTS.open(newline="") as file:
        found = list(csv.DictReader(file))
    return [row for row in found if variant is None or (row["variant"], int(row["input_size"])) == (variant, size)]


def is_reference(row):
    return row["machine"].startswith(MEASURED_ON)


def numbers(variant, size, column):
    """Measured values on the machine that is named, or brought to it by MobileSAM's in the same run.

    An HQ encoder is SAM's, and both generations of SAM 2 are one network.
    """
    variant = variant.replace("sam2_", "sam2.1_")
    if column.startswith("encode"):
        variant = variant.removeprefix("hq_")
    found = [row for row in rows(variant, size) if row[column]]
    own = [float(row[column]) for row in found if is_reference(row)]
    if own or not column.endswith("_s"):
        return own or [float(row[column]) for row in found]
    here = min(numbers("vit_t", 1024, column))
    beside = {row["commit"]: float(row[column]) for row in rows("vit_t", 1024) if not is_reference(row) and row[column]}
    return [float(row[column]) * here / beside[row["commit"]] for row in found]


def test_every_published_network_that_runs_has_its_cost():
    assert set(COSTS) == {(row.variant, row.input_size) for row in CATALOGUE if VARIANTS[row.variant].is_runnable}


def counted(network, *run):
    with FlopCounterMode(display=False) as counter:
        result = run[0](*run[1:])
    return counter.get_total_flops(), result


QUICK = {"vit_b", "vit_t", "hq_vit_t", "fastsam_s", "yolov8n_seg", "yolo11n_seg"}
WITHIN_ANOTHER = ("vit_t", 1024)  # of the light HQ-SAM


@pytest.mark.parametrize(
    ("variant", "size"),
    [
        pytest.param(*kind, marks=() if kind[0] in QUICK and kind != WITHIN_ANOTHER else pytest.mark.slow)
        for kind in sorted(COSTS)
    ],
)
def test_arithmetic_is_what_is_counted(variant, size):
    with torch.device("meta"):
        network = build_network(VARIANTS[variant], size).eval().requires_grad_(False)
        image = torch.empty(1, 3, size, size)
        labels = torch.ones(8, 1, dtype=torch.int64)
        points = torch.zeros(8, 1, 2)
    if VARIANTS[variant].detector:
        assert counted(network, network, image)[0] == pytest.approx(COSTS[variant, size].encoder_flops, rel=1e-3)
        return
    flops, features = counted(network, network.image_encoder, image)
    assert flops == pytest.approx(COSTS[variant, size].encoder_flops, rel=1e-3)

    def decode(count):
        side, frame = VARIANTS[variant].grid(size), VARIANTS[variant].frame_size(size)
        grid, prompts = (side, side), (points[:count], labels[:count])
        sparse, dense = network.prompt_encoder(prompts, None, None, input_size_hw=(frame, frame), grid_hw=grid)
        positions, decoder = network.prompt_encoder.get_dense_pe(grid), network.mask_decoder
        details = decoder.details_of(features)
        look = decoder.look(features, positions, sparse, dense, image_of_prompt=None, details=details)
        return decoder.draw(look, THREE_MASKS)

    further = (counted(network, decode, 8)[0] - counted(network, decode, 1)[0]) / 7
    assert further == pytest.approx(COSTS[variant, size].prompt_flops, rel=1e-3)


@pytest.mark.parametrize(("variant", "size"), sorted(COSTS))
def test_times_are_the_fastest_and_memory_the_most_that_was_measured(variant, size):
    cost = COSTS[variant, size]
    assert cost.encode_s == pytest.approx(min(numbers(variant, size, "encode_s")), rel=0.01)
    assert cost.encode_bytes == pytest.approx(max(numbers(variant, size, "encode_peak_bytes")), rel=0.02)
    if cost.prompt_flops:
        assert cost.prompt_s == pytest.approx(min(numbers(variant, size, "decode_1_s")), rel=0.01)
        assert cost.prompts_bytes == pytest.approx(max(numbers(variant, size, "decode_64_peak_bytes")), rel=0.02)


def test_the_machine_is_the_one_that_is_named():
    assert max(float(row["matrix_flops"]) for row in rows() if is_reference(row)) == MATRIX_FLOPS


def peaks_of_training():
    with (RESULTS.parent / "finetuning_memory.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["mode"] == "cached":
                yield (find(row["variant"]).variant, int(row["input_size"])), float(row["additional_peak_bytes"])


def test_memory_of_training_is_the_most_that_was_measured():
    most = {}
    for kind, peak in peaks_of_training():
        most[kind] = max(peak, most.get(kind, 0.0))
    assert set(most) == set(TRAINING_BYTES)
    for kind, peak in most.items():
        assert TRAINING_BYTES[kind] == pytest.approx(peak, rel=1e-3)
        assert peak <= TRAINING_RATIO * COSTS[kind].prompts_bytes


def test_what_was_not_trained_is_inferred():
    assert training_bytes(find("sam_vit_b")) == TRAINING_BYTES["vit_b", 1024]
    assert training_bytes(find("sam_hq_vit_h")) == TRAINING_RATIO * COSTS["hq_vit_h", 1024].prompts_bytes
