"""Choice of device and precision: the requested one if available, a sensible default for "auto"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from samara.errors import DeviceError, SettingsError

Precision = Literal["float32", "bfloat16", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "float16", "int8")


def choose_device(asked: str = "auto") -> str:
    """Resolve a device name.

    Args:
        asked: "auto" (CUDA if there is a GPU, else the CPU), or any torch device: "cpu", "cuda", "cuda:1", "mps".
            Apple's MPS must be requested explicitly: users of the official code report worse masks on it.

    Raises:
        DeviceError: this machine has no such device.
    """
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise DeviceError(f"{asked!r} is not a device; use auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"{asked} was asked for, but PyTorch {torch.__version__} sees no CUDA GPU; use cpu or auto")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"{asked} was asked for, but there are only {torch.cuda.device_count()} GPUs")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("mps was asked for, but PyTorch sees no Apple GPU; use cpu or auto")
    return asked


def choose_precision(asked: str, device: str) -> Precision:
    """Resolve a precision.

    Args:
        asked: "auto" (bfloat16 if the hardware supports it, else float32), or one of `PRECISIONS`.
        device: device of the network.

    Raises:
        SettingsError: the precision is unknown.
    """
    if asked == "auto":
        return "bfloat16" if computes_in_bfloat16(device) else "float32"
    for precision in PRECISIONS:
        if precision == asked:
            return precision
    raise SettingsError(f"{asked!r} is not a precision; use auto, {', '.join(PRECISIONS)}")


def computing(device: torch.device | str, precision: Precision) -> torch.autocast:
    """Return a context in which PyTorch computes in a precision, overriding an autocast around the caller.

    The cast cache is off: weights may change while an autocast around the caller lasts.
    """
    kind = torch.device(device).type
    if precision in ("bfloat16", "float16"):
        return torch.autocast(kind, dtype=getattr(torch, precision), cache_enabled=False)
    return torch.autocast(kind, enabled=False)


def computes_in_bfloat16(device: str) -> bool:
    """Return whether the device multiplies bfloat16 matrices in hardware, so that bfloat16 is faster than float32."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if kind != "cpu":
        return False
    # Private names, present since PyTorch 2.5; without them float32 is correct, only slower.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)


@contextmanager
def limited_threads(count: int | None) -> Iterator[None]:
    """Limit PyTorch's CPU threads in a block, and restore the number afterwards; None for no change."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count is not None:
            torch.set_num_threads(before)
