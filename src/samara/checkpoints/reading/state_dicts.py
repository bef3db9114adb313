"""Reading checkpoint files of every container without running any code in them.

`read_layout` reads only headers and pickles; `read_state_dict` reads the tensors' data. Both use one description of the
file, so that what was identified is what is loaded. `torch.load` is not used: identification does not need PyTorch, and
weights_only=True still allows files that exhaust memory (docs/decisions.md has the full comparison).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from samara.checkpoints.reading import safetensors_file, torch_file
from samara.checkpoints.reading.contents import Contents
from samara.checkpoints.reading.file_kinds import HEAD_BYTES, describe_path, looks_like_pickle
from samara.checkpoints.reading.folders import index_of_shard, is_index, main_file, read_index
from samara.checkpoints.reading.layout import FileLayout, ForbiddenCallError, MalformedFileError, TensorInfo
from samara.checkpoints.reading.pickle_values import StoredTensor
from samara.checkpoints.reading.rename import (
    other_names,
    other_prefixes,
    published_names,
    transformers_spelling,
)
from samara.checkpoints.reading.tensor_reading import read_tensors
from samara.errors import UnrecognisedCheckpoint, UnsafeCheckpoint

if TYPE_CHECKING:
    from torch import Tensor


def read_layout(path: Path) -> FileLayout:
    """Read the names, shapes and types of a checkpoint's tensors, but not their data.

    Args:
        path: a safetensors file, or a file of torch.save in any version: state dicts, wrapped or not, or modules; or a
            folder or index of shards written by Hugging Face's libraries.

    Raises:
        UnrecognisedCheckpoint: it is none of these, or damaged; the message says what it is and what to do.
        UnsafeCheckpoint: loading it with PyTorch could run code, or it points to files outside its folder; nothing was
            run.
    """
    with _explained(path):
        opened = _open(path)
        first = opened.contents[0]
        stored = opened.stored
        tensors, prefix, converted = published_names(stored)
        return FileLayout(
            path=path,
            format=first.format,
            size_bytes=sum(file.stat().st_size for file in opened.files),
            tensors={name: TensorInfo(one.shape, one.dtype) for name, one in tensors.items()},
            metadata=first.metadata,
            wrapper=first.wrapper,
            prefix=prefix,
            from_transformers=converted,
            pickled_module=first.pickled_module,
            beside=first.beside,
            left_out=tuple(other_names(stored)),
            others=(*first.others, *other_prefixes(stored)),
        )


def read_transformers_spelling(path: Path) -> dict[str, tuple[str, ...]]:
    """Read how a file of transformers spells the names that `read_layout` returns, see `transformers_spelling`.

    Raises:
        UnrecognisedCheckpoint, UnsafeCheckpoint: see `read_layout`.
    """
    with _explained(path):
        return transformers_spelling(_open(path).stored)


def read_state_dict(path: Path, *, as_float32: bool = False, only: Collection[str] | None = None) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, under the names that `read_layout` returns.

    Args:
        path: see `read_layout`.
        as_float32: convert floating-point tensors to float32, one at a time.
        only: names of the tensors to read, if present; None for all.

    Returns:
        Tensors on the CPU, in their own memory, independent of later changes to the file.

    Raises:
        UnrecognisedCheckpoint, UnsafeCheckpoint: see `read_layout`; also if the file changes during reading.
    """
    with _explained(path):
        opened = _open(path)
        found, _prefix, _converted = published_names(opened.stored)
        tensors = {name: one for name, one in found.items() if only is None or name in only}
        state: dict[str, Tensor] = {}
        for file, contents in zip(opened.files, opened.contents, strict=True):
            # By what holds its numbers: a tensor that was taken apart into rows is no tensor of the file any more.
            own = {id(one.storage) for one in contents.tensors.values()}
            mine = {name: one for name, one in tensors.items() if id(one.storage) in own}
            for name, tensor in read_tensors(file, contents, mine):
                state[name] = tensor.float() if as_float32 and tensor.is_floating_point() else tensor
        return {name: state[name] for name in tensors}


@dataclass(frozen=True)
class _Opened:
    """The contents of a checkpoint's files, usually just one."""

    files: tuple[Path, ...]
    contents: tuple[Contents, ...]

    @property
    def stored(self) -> dict[str, StoredTensor]:
        return {name: one for contents in self.contents for name, one in contents.tensors.items()}


def _open(path: Path) -> _Opened:
    file = main_file(path)
    if not file.is_file():
        raise UnrecognisedCheckpoint(describe_path(path))
    if not is_index(file):
        index = index_of_shard(file)
        if index is not None:
            raise UnrecognisedCheckpoint(f"{file} is one of the shards of {index}; pass the index or its folder.")
        return _Opened((file,), (_read_contents(file),))
    shards = read_index(file)
    contents = tuple(_read_contents(shard) for shard in shards.files)
    for shard, found in zip(shards.files, contents, strict=True):
        missing = sorted(shards.names[shard.name] - found.tensors.keys())
        if missing:
            raise MalformedFileError(f"its shard {shard.name} lacks {missing[0][:120]}")
    if len({name for found in contents for name in found.tensors}) != sum(len(found.tensors) for found in contents):
        raise MalformedFileError("two of its shards have a tensor of the same name")
    return _Opened(shards.files, contents)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Convert the readers' exceptions to samara's errors, with the file's name."""
    try:
        yield
    except ForbiddenCallError as problem:
        raise UnsafeCheckpoint(
            f"{path} would call {problem.name} when loaded; nothing was run. Samara reads tensors and modules, and "
            "ignores plain values next to them; ask the file's author for a state dict or safetensors."
        ) from problem
    except MalformedFileError as problem:
        raise UnrecognisedCheckpoint(
            f"{path} is not a readable checkpoint: {problem}; download the file again."
        ) from problem
    except OSError as problem:
        raise UnrecognisedCheckpoint(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def _read_contents(path: Path) -> Contents:
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
        raise UnrecognisedCheckpoint(describe_path(path))
    return contents
