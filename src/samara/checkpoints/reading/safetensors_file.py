"""The safetensors container: a length, a JSON header, the data. Only the header is read here."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

from samara.checkpoints.reading.contents import Contents, Span, text_metadata
from samara.checkpoints.reading.layout import ITEM_SIZES, MalformedFileError
from samara.checkpoints.reading.pickle_values import Storage, StoredTensor

# The format's own limit; SAM ViT-H needs 70 kB.
MAX_HEADER_BYTES = 100_000_000

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "C64": "complex64",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}


def is_safetensors(head: bytes) -> bool:
    """Return whether a file that begins like this looks like safetensors."""
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= MAX_HEADER_BYTES


def read_contents(path: Path) -> Contents:
    """Read the header.

    Raises:
        MalformedFileError: the header does not follow the format, or does not match the file's length.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = _parse(file.read(length), length)
        size = file.seek(0, io.SEEK_END) - 8 - length
    metadata = header.pop("__metadata__", {})
    spans: dict[str, Span] = {}
    tensors: dict[str, StoredTensor] = {}
    for name, entry in header.items():
        tensors[name], spans[name] = _entry(name, entry)
    _check_coverage(list(spans.values()), size)
    begin = 8 + length
    return Contents(
        format="safetensors",
        tensors=tensors,
        locate=lambda key: Span(begin + spans[key].start, spans[key].size),
        metadata=text_metadata(metadata),
    )


def _parse(text: bytes, length: int) -> dict[str, object]:
    if len(text) < length:
        raise MalformedFileError("it ends within its header, so it is truncated")
    try:
        header = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as problem:
        raise MalformedFileError(f"its header is not valid JSON ({problem})") from problem
    if not isinstance(header, dict):
        raise MalformedFileError("its header is not a JSON object")
    return header


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedFileError("its header contains a name twice")
    return found


def _entry(name: str, entry: object) -> tuple[StoredTensor, Span]:
    match entry:
        case {
            "dtype": str() as code,
            "shape": list() as shape,
            "data_offsets": [int() as begin, int() as end],
        }:
            pass
        case _:
            raise MalformedFileError(f"its header has an invalid entry for {name[:80]!r}")
    if code not in _DTYPES:
        raise MalformedFileError(f"it stores {name[:80]!r} as {code[:20]!r}, a type that samara does not support")
    dtype = _DTYPES[code]
    if not all(type(size) is int and size >= 0 for size in shape) or not 0 <= begin <= end:
        raise MalformedFileError(f"its header gives {name[:80]!r} an impossible shape or position")
    elements = math.prod(shape)
    if elements * ITEM_SIZES[dtype] != end - begin:
        raise MalformedFileError(f"its header gives {name[:80]!r} a shape that does not match its byte range")
    strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    stored = StoredTensor(Storage(name, dtype, elements), dtype, 0, tuple(shape), strides)
    return stored, Span(begin, end - begin)


def _check_coverage(spans: list[Span], size: int) -> None:
    """Check that every byte of the data belongs to one tensor: no overlap, no gaps, nothing beyond the end."""
    position = 0
    for span in sorted(spans, key=lambda span: (span.start, span.size)):
        if span.start != position:
            raise MalformedFileError("its header places tensors with overlaps or gaps")
        position += span.size
    if position > size:
        raise MalformedFileError(f"it is truncated: {position - size:,} bytes are missing")
    if position < size:
        raise MalformedFileError(f"it has {size - position:,} bytes that belong to no tensor")
