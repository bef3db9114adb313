"""What stands in a checkpoint file: the tensors' names, shapes and types, without their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

FileFormat = Literal["safetensors", "torch zip", "torch legacy"]

# Bytes of one element. The names are torch's, so that `getattr(torch, name)` is the dtype.
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
    """A file breaks the rules of its own format; the message is a clause that begins with "it" or "its"."""


class ForbiddenCallError(ValueError):
    """A pickle asks for something to be called that is not on the list of harmless names."""

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
        """How many numbers it holds; 1 for a 0-d tensor."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class FileLayout:
    """A checkpoint file seen from outside.

    Attributes:
        path: the file, or a folder of files.
        format: the container.
        size_bytes: length of the file; of several, of all of them.
        tensors: name to shape and type, in the file's order, under the published names.
        metadata: text of a safetensors header; for a pickled module its class and, as JSON, its labels.
        wrapper: under which keys the tensors lay, e.g. "model" or "model.state_dict"; None for a flat file.
        prefix: what every name began with, e.g. "module."; usually empty.
        from_transformers: the names were those of Hugging Face's transformers, and were translated.
        pickled_module: the file holds a whole Python object, as Ultralytics writes it, not a state dict.
        beside: what else the file holds at its top level, e.g. ("epoch", "optimizer").
        left_out: names of tensors that are no part of this network, as the file has them.
        others: keys or prefixes of other networks in the file, which were not taken.
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
        """All numbers in the file, weights and buffers alike."""
        return sum(info.elements for info in self.tensors.values())
