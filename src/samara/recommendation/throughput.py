"""Matrix multiplication speed of a machine: measured in a second, or assumed from its description.

Encoder times are measured on one machine and scaled to others by this number. It is a rule of thumb for unmeasured
machines: memory bandwidth, kernels and throttling are ignored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from samara.recommendation.statement import Statement

_TOKENS, _WIDTH, _HIDDEN = 4096, 768, 3072
"""The measured product is that of ViT-B's MLP: 64 x 64 tokens, width 768, hidden width four times that."""

FLOPS_PER_CORE = 5.5e10
"""Speed of a CPU core with AVX2 in float32: about that measured by `benchmarks/inference_cost.py` on two of them."""

WIDER = {"AVX-512": 1.5, "AMX-BF16": 1.5}
"""Assumed speed-up of a core with these instruction sets."""

WITHOUT_AVX2 = 0.4
"""Assumed factor for a core without AVX2, such as those of small ARM boards."""


@dataclass(frozen=True)
class Card:
    """A graphics card.

    Attributes:
        name: PyTorch's name of it, without the vendor.
        gigabytes: its memory.
        flops: float32 operations per second without tensor cores, by its data sheet.
    """

    name: str
    gigabytes: float
    flops: float


# From the vendors' data sheets. Ascending in memory and in speed, so that more memory never means an assumed slower
# card.
CARDS: tuple[Card, ...] = (
    Card("GeForce GT 1030", 2, 0.94e12),
    Card("GeForce GTX 1650", 4, 2.98e12),
    Card("GeForce RTX 2060", 6, 6.45e12),
    Card("GeForce RTX 3050", 8, 9.10e12),
    Card("GeForce RTX 3060", 12, 12.7e12),
    Card("GeForce RTX 4060 Ti", 16, 22.1e12),
    Card("GeForce RTX 3090", 24, 35.6e12),
    Card("RTX A6000", 48, 38.7e12),
    Card("H100", 80, 66.9e12),
)
"""A typical card for each amount of memory."""

# As Apple stated them when it presented the chips. Ascending in memory and in speed, as `CARDS`.
APPLE_GPUS: tuple[Card, ...] = (
    Card("M1", 8, 2.6e12),
    Card("M1 Pro", 32, 5.2e12),
    Card("M1 Max", 64, 10.4e12),
    Card("M1 Ultra", 128, 21e12),
)
"""GPUs of Apple's chips, with memory that is shared with the processor."""

LATER_CHIPS = 1.35
"""Speed of the chips after the M1 beside those of the same kind: Apple's 3.6 TFLOP/s of the M2 to 2.6 of the M1."""

REFERENCE_CARD = next(card for card in CARDS if card.name == "GeForce RTX 3090")
"""The card of the published times from which others are scaled."""

ATTAINABLE = 0.7
"""Assumed fraction of a data sheet's speed that a large matrix product attains."""


def measure_matrix_speed(device: str, *, precision: str = "float32", least_s: float = 0.5) -> float:
    """Measure floating-point operations per second of a large matrix product, counting a multiply-add as two.

    The fastest product counts, since other load can only slow it down.

    Args:
        device: an available torch device.
        precision: "float32", "bfloat16" or "float16".
        least_s: min. duration in seconds, after one warm-up product.
    """
    import torch

    dtype = getattr(torch, precision)
    left = torch.ones(_TOKENS, _WIDTH, device=device, dtype=dtype)
    right = torch.ones(_WIDTH, _HIDDEN, device=device, dtype=dtype)
    wait = _waiting_for(device)
    torch.mm(left, right)
    wait()
    fastest, begin = float("inf"), time.perf_counter()
    while time.perf_counter() - begin < least_s or fastest == float("inf"):
        started = time.perf_counter()
        torch.mm(left, right)
        wait()
        fastest = min(fastest, time.perf_counter() - started)
    return 2.0 * _TOKENS * _WIDTH * _HIDDEN / fastest


def assumed_cpu_speed(cores: int, instruction_sets: Collection[str]) -> Statement:
    """Estimate a CPU's operations per second from its cores and instruction sets."""
    factor = max([WIDER.get(name, 1.0) for name in instruction_sets], default=1.0)
    if "AVX2" not in instruction_sets and factor == 1.0:
        factor = WITHOUT_AVX2
    kind = ", ".join(instruction_sets) or "no AVX2"
    return Statement(
        cores * FLOPS_PER_CORE * factor, "rule of thumb", f"{cores} core{'s' if cores > 1 else ''} ({kind})"
    )


def assumed_gpu_speed(memory_bytes: float, name: str | None = None) -> Statement:
    """Estimate a GPU's operations per second: by its data sheet if known, else of a typical card with its memory."""
    for card in CARDS:
        if name is not None and card.name.removeprefix("GeForce ") in name:
            return Statement(card.flops * ATTAINABLE, "published", f"data sheet of the {card.name}")
    fitting = [card for card in CARDS if card.gigabytes * 1e9 <= memory_bytes * 1.001]
    card = fitting[-1] if fitting else CARDS[0]
    factor = 1.0 if fitting else memory_bytes / (card.gigabytes * 1e9)
    return Statement(
        card.flops * ATTAINABLE * factor, "rule of thumb", f"a card like the {card.name} ({card.gigabytes:g} GB)"
    )


def assumed_apple_speed(memory_bytes: float | None, name: str = "") -> Statement:
    """Estimate an Apple GPU's operations per second, by its chip if the name tells, or else by the memory."""
    for chip in reversed(APPLE_GPUS):
        kind = chip.name.removeprefix("M1").strip()
        if name.endswith(kind) and "Apple M" in name:
            later = 1.0 if " M1" in name else LATER_CHIPS
            return Statement(chip.flops * ATTAINABLE * later, "rule of thumb", f"an Apple GPU like the {chip.name}'s")
    fitting = [chip for chip in APPLE_GPUS if memory_bytes is not None and chip.gigabytes * 1e9 <= memory_bytes * 1.001]
    chip = fitting[-1] if fitting else APPLE_GPUS[0]
    return Statement(chip.flops * ATTAINABLE, "rule of thumb", f"an Apple GPU like the {chip.name}'s")


def _waiting_for(device: str) -> Callable[[], None]:
    import torch

    kind = torch.device(device).type
    if kind == "cuda":  # pragma: no cover - needs CUDA
        return torch.cuda.synchronize
    if kind == "mps":  # pragma: no cover - needs an Apple GPU
        return torch.mps.synchronize
    return lambda: None
