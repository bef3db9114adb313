"""A checkpoint file taken apart: which tensors it holds, and where each one's numbers lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from samara.checkpoints.reading.layout import FileFormat, MalformedFileError
from samara.checkpoints.reading.pickle_values import StoredTensor


@dataclass(frozen=True)
class Span:
    """Bytes of the file, `start` counted from its beginning."""

    start: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a container holds; the numbers themselves were not read.

    Attributes:
        format: the container.
        tensors: name to description, in the file's order.
        locate: where the storage of a key lies, or its bytes when they are compressed.
        metadata: text that the file says about itself.
        wrapper: under which keys the tensors lay.
        beside: what else the file holds at its top level.
        others: where other networks lie that were not taken.
        pickled_module: it holds a Python object, not a state dict.
    """

    format: FileFormat
    tensors: Mapping[str, StoredTensor]
    locate: Callable[[str], Span | bytes]
    metadata: Mapping[str, str] = field(default_factory=dict)
    wrapper: str | None = None
    beside: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    pickled_module: bool = False


def text_metadata(value: object) -> dict[str, str]:
    """Check what a file says about itself.

    Raises:
        MalformedFileError: it is something else than names with texts.
    """
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in (*value.keys(), *value.values())):
        raise MalformedFileError("it has metadata that is no text")
    return value
