"""The contents of a checkpoint file: its tensors, and where their data is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from samara.checkpoints.reading.layout import FileFormat, MalformedFileError
from samara.checkpoints.reading.pickle_values import StoredTensor


@dataclass(frozen=True)
class Span:
    """A byte range of the file; `start` counts from its beginning."""

    start: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The contents of a container, without the tensors' data.

    Attributes:
        format: the container.
        tensors: name to description, in the file's order.
        locate: function from a storage key to its byte range, or its bytes if they are compressed.
        metadata: the file's own text metadata.
        wrapper: keys under which the tensors were found.
        beside: other keys at the file's top level.
        others: locations of other networks, which were not used.
        pickled_module: whether it contains a Python object instead of a state dict.
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
    """Check a file's own metadata.

    Raises:
        MalformedFileError: it does not map names to text.
    """
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in (*value.keys(), *value.values())):
        raise MalformedFileError("it has metadata that is not text")
    return value
