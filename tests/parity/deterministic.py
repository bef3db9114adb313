"""The deterministic weights and inputs under which the official code made the golden values.

Recipe: for each floating-point entry, normal numbers seeded with the CRC-32 of its key, scaled by the kind of entry.
The golden files hold the official outputs (segment-anything 1.0; MobileSAM @34bbbfd with `eval()` after loading), in
float32 on a CPU: probes of 96 values, mean and standard deviation, and the full table of keys and shapes. Where a probe
has no indices, they are `PCG64(11).integers(0, elements, 96)`.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).parent / "golden"


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def normal(seed, shape):
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(tuple(shape), dtype=np.float32)


def deterministic_value(key, shape):
    values = normal(zlib.crc32(key.encode()), shape)
    if key.endswith("running_var"):
        return 1 + 0.1 * np.abs(values)
    if key.endswith("positional_encoding_gaussian_matrix"):
        return values
    if values.ndim == 1:
        return 1 + 0.05 * values if key.endswith("weight") else 0.02 * values
    if any(part in key for part in ("rel_pos", "attention_biases", "pos_embed")):
        return 0.05 * values
    if key.endswith("bias"):
        return 0.02 * values
    return values / np.sqrt(values[0].size)


def deterministic_state(network):
    return {
        key: torch.from_numpy(np.asarray(deterministic_value(key, value.shape), dtype=np.float32))
        if value.is_floating_point() and value.dim()
        else torch.zeros_like(value, device="cpu")
        for key, value in network.state_dict().items()
    }


def relative_error(probe, tensor):
    """Of a tensor against a golden probe: norm of the difference over norm of the values."""
    assert list(tensor.shape) == probe["shape"]
    wanted = np.array(probe["value"])
    difference = tensor.flatten()[torch.tensor(probe["index"])].double().numpy() - wanted
    return np.linalg.norm(difference) / np.linalg.norm(wanted)


def deviation(probe, tensor):
    """Largest difference of a tensor from a golden probe, in standard deviations of it."""
    assert list(tensor.shape) == probe["shape"]
    index = np.random.Generator(np.random.PCG64(11)).integers(0, tensor.numel(), len(probe["value"]))
    differences = [
        tensor.flatten()[torch.from_numpy(index)].double().numpy() - np.array(probe["value"]),
        tensor.double().mean().item() - probe["mean"],
        tensor.double().std().item() - probe["std"],
    ]
    return max(np.abs(one).max() for one in differences) / probe["std"]
