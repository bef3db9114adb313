"""Choice of device and precision: the requested one if available, a sensible default for "auto"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch

from samara.errors import DeviceError, SettingsError
from samara.system.float32_products import SWITCH

Precision = Literal["float32", "tf32", "bfloat16", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16", "float16", "int8")

COMPUTED_IN: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.bfloat16,  # everything but the products of 8-bit weights
}
"""The type of what PyTorch computes in each precision."""


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
        DeviceError: it is tf32, and the device has no such products.
    """
    if asked == "auto":
        return "bfloat16" if computes_in_bfloat16(device) else "float32"
    for precision in PRECISIONS:
        if precision == asked:
            if precision == "tf32" and not multiplies_in_tf32(device):
                raise DeviceError(f"only NVIDIA GPUs from Ampere multiply in tf32, not {device}; use float32")
            return precision
    raise SettingsError(f"{asked!r} is not a precision; use auto, {', '.join(PRECISIONS)}")


@contextmanager
def computing(device: torch.device | str, precision: Precision) -> Iterator[None]:
    """Let PyTorch compute in a precision in a block, overriding an autocast around the caller.

    The cast cache is off: weights may change while an autocast around the caller lasts. On a GPU, float32 is exact and
    tf32 is not, whatever PyTorch is set to; a block inside another leaves that as it is.
    """
    kind = torch.device(device).type
    dtype = COMPUTED_IN[precision]
    if dtype == torch.float32:
        with float32_products(device, tf32=precision == "tf32"), torch.autocast(kind, enabled=False):
            yield
    else:
        with torch.autocast(kind, dtype=dtype, cache_enabled=False):
            yield


def float32_products(device: torch.device | str, *, tf32: bool = False) -> AbstractContextManager[None]:
    """Let a GPU multiply float32 exactly in a block, or in TF32; no effect on other devices."""
    return SWITCH.at(tf32) if torch.device(device).type == "cuda" else nullcontext()


def multiplies_in_tf32(device: str) -> bool:
    """Return whether the device has TF32 products, which float32 may be computed in."""
    return torch.device(device).type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


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
