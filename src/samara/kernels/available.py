"""Whether a device runs the kernels: a CUDA GPU whose PyTorch came with Triton, and a compiler that works."""

from __future__ import annotations

import functools
import os
import warnings
from subprocess import SubprocessError

import torch

SWITCH = "SAMARA_KERNELS"
"""Environment variable; "0" leaves everything to PyTorch's operators."""

CAPABILITY = (8, 0)
"""The oldest GPUs that compute in bfloat16; on older ones nobody has tried the kernels."""


def runs_kernels(device: torch.device) -> bool:
    """Return whether a device runs the kernels of this room; the first call tries one."""
    return device.type == "cuda" and os.environ.get(SWITCH) != "0" and _is_able(device.index or 0)


@functools.cache
def _is_able(index: int) -> bool:  # pragma: no cover - needs a GPU
    if torch.version.cuda is None or torch.cuda.get_device_capability(index) < CAPABILITY:
        return False
    try:
        from samara.kernels.trial import works
    except ImportError:
        return False
    try:
        return works(torch.device("cuda", index))
    except (RuntimeError, OSError, SubprocessError) as error:  # no C compiler, or one that fails
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        warnings.warn(
            f"Triton could not compile a kernel ({reason}); PyTorch's operators are used, which are slower. "
            f"{SWITCH}=0 silences this.",
            stacklevel=2,
        )
        return False
