"""Reading checkpoint files, of every container, without running anything that is in them.

`read_layout` looks at headers and pickles only; `read_state_dict` reads the numbers as tensors. Both use one
description of the file, so that what was identified is what is loaded. `torch.load` is not called: with
weights_only=True it refuses the modules that Ultralytics pickles, without it runs what it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from samara.checkpoints import safetensors_file, torch_file
from samara.checkpoints.contents import Contents
from samara.checkpoints.file_kinds import HEAD_BYTES, describe, looks_like_pickle
from samara.checkpoints.layout import FileLayout, ForbiddenCallError, MalformedFileError, TensorInfo
from samara.checkpoints.rename import published_names
from samara.checkpoints.tensor_reading import read_tensors
from samara.errors import UnrecognisedCheckpoint, UnsafeCheckpoint

if TYPE_CHECKING:
    from torch import Tensor


def read_layout(path: Path) -> FileLayout:
    """Read which tensors a file holds, with shapes and types; their numbers stay on the disk.

    Args:
        path: a safetensors file, or what torch.save writes or wrote: state dicts, wrapped or not, modules.

    Raises:
        UnrecognisedCheckpoint: it is none of these, or damaged; the message says what it is and what to do.
        UnsafeCheckpoint: reading it as PyTorch does could run code; nothing was run.
    """
    with _explained(path):
        contents = _read_contents(path)
        tensors, prefix, converted = published_names(contents.tensors)
        return FileLayout(
            path=path,
            format=contents.format,
            size_bytes=path.stat().st_size,
            tensors={name: TensorInfo(stored.shape, stored.dtype) for name, stored in tensors.items()},
            metadata=contents.metadata,
            wrapper=contents.wrapper,
            prefix=prefix,
            from_transformers=converted,
            pickled_module=contents.pickled_module,
            beside=contents.beside,
        )


def read_state_dict(path: Path, *, as_float32: bool = False) -> dict[str, Tensor]:
    """Read the tensors of a file, under the names that `read_layout` gives.

    Args:
        path: as `read_layout`.
        as_float32: give floating-point numbers as float32, converted one tensor at a time.

    Returns:
        On the CPU, in memory of their own: whatever becomes of the file changes them no more.

    Raises:
        UnrecognisedCheckpoint, UnsafeCheckpoint: as `read_layout`; also if the file is changed meanwhile.
    """
    with _explained(path):
        contents = _read_contents(path)
        stored, _prefix, _converted = published_names(contents.tensors)
        return {
            name: tensor.float() if as_float32 and tensor.is_floating_point() else tensor
            for name, tensor in read_tensors(path, contents, stored)
        }


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the readers raise into samara's errors, with the file's name."""
    try:
        yield
    except ForbiddenCallError as problem:
        raise UnsafeCheckpoint(
            f"{path} asks for {problem.name} to be called while it is loaded; nothing was run. Samara reads "
            "tensors, plain containers and modules of known network packages; ask the file's author for a "
            "state dict or for safetensors."
        ) from problem
    except MalformedFileError as problem:
        raise UnrecognisedCheckpoint(
            f"{path} is not a readable checkpoint: {problem}; get the file again."
        ) from problem
    except OSError as problem:
        raise UnrecognisedCheckpoint(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def _read_contents(path: Path) -> Contents:
    if not path.is_file():
        raise UnrecognisedCheckpoint(describe(path))
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    contents = None
    if safetensors_file.is_safetensors(head):
        contents = safetensors_file.read_contents(path)
    elif head.startswith(b"PK\x03\x04"):
        contents = torch_file.read_zip_contents(path)
    elif looks_like_pickle(head):
        contents = torch_file.read_legacy_contents(path)
    if contents is None:
        raise UnrecognisedCheckpoint(describe(path))
    return contents
