"""The layout of a checkpoint file: the tensors' names, shapes and types, without their data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

FileFormat = Literal["safetensors", "torch zip", "torch legacy"]

# Bytes per element. The names are torch's, so that `getattr(torch, name)` is the dtype.
ITEM_SIZES: Mapping[str, int] = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "complex64": 8,
    "complex128": 16,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint64": 8,
    "uint32": 4,
    "uint16": 2,
    "uint8": 1,
    "bool": 1,
}


class MalformedFileError(ValueError):
    """A file violates its own format; the message is a clause that starts with "it" or "its"."""


class ForbiddenCallError(ValueError):
    """A pickle calls something that is not on the list of harmless names."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class TensorInfo:
    """Shape and element type of a stored tensor; the type as torch spells it, e.g. float32."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a 0-d tensor."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class FileLayout:
    """The layout of a checkpoint file.

    Attributes:
        path: the file, or a folder of files.
        format: the container.
        size_bytes: length of the file; the total of several.
        tensors: name to shape and type, in the file's order, under the published names.
        metadata: text of a safetensors header; for a pickled module its class and, as JSON, its labels.
        wrapper: keys under which the tensors were found, e.g. "model" or "model.state_dict"; None for a flat file.
        prefix: common prefix that was removed from the names, e.g. "module."; usually empty.
        from_transformers: whether the names were translated from Hugging Face's transformers.
        pickled_module: whether the file contains a whole Python object, as written by Ultralytics, not a state dict.
        beside: other keys at the file's top level, e.g. ("epoch", "optimizer").
        left_out: names in the file of tensors that are not part of this network.
        others: keys or prefixes of other networks in the file, which were not used.
    """

    path: Path
    format: FileFormat
    size_bytes: int
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str] = field(default_factory=dict)
    wrapper: str | None = None
    prefix: str = ""
    from_transformers: bool = False
    pickled_module: bool = False
    beside: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def elements(self) -> int:
        """Number of elements in the file, weights and buffers."""
        return sum(info.elements for info in self.tensors.values())
