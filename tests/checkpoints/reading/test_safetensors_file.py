import json

import pytest
import torch
from safetensors.torch import save_file

from samara.checkpoints.reading.contents import Span
from samara.checkpoints.reading.layout import MalformedFileError
from samara.checkpoints.reading.safetensors_file import is_safetensors, read_contents
from tests.checkpoints.files import write_raw_safetensors

F4 = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}


def test_what_the_library_writes_is_read(tmp_path):
    types = [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
    ]
    types += [
        torch.int8,
        torch.uint8,
        torch.bool,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.uint16,
        torch.uint32,
    ]
    tensors = {str(dtype): torch.zeros(2, 3).to(dtype) for dtype in types} | {
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 4),
    }
    path = tmp_path / "file.safetensors"
    save_file(tensors, path, metadata={"samara": "x"})
    contents = read_contents(path)
    assert {name: (stored.shape, f"torch.{stored.dtype}") for name, stored in contents.tensors.items()} == {
        name: (tuple(tensor.shape), str(tensor.dtype)) for name, tensor in tensors.items()
    }
    assert contents.metadata == {"samara": "x"}


def test_places_count_from_the_beginning_of_the_file(tmp_path):
    header = {"a": F4, "b": {**F4, "data_offsets": [16, 32]}}
    path = write_raw_safetensors(tmp_path / "x", header, 32)
    begin = path.stat().st_size - 32
    assert read_contents(path).locate("b") == Span(begin + 16, 16)


@pytest.mark.parametrize(
    ("header", "data_bytes", "reason"),
    [
        (b"{", 0, "not valid JSON"),
        (b"[]", 0, "not a JSON object"),
        (b"{" * 100_000, 0, "not valid JSON"),
        (b'{"a":' * 100_000, 0, "not valid JSON"),
        (b"\xff\xfe{}", 0, "not valid JSON"),
        (b'{"a": %s, "a": %s}' % ((json.dumps(F4).encode(),) * 2), 16, "twice"),
        ({"a": 3}, 0, "an invalid entry"),
        ({"a": {"dtype": "F32", "shape": [4]}}, 0, "an invalid entry"),
        ({"a": {**F4, "data_offsets": [0]}}, 16, "an invalid entry"),
        ({"a": {**F4, "data_offsets": [0, 16.0]}}, 16, "an invalid entry"),
        ({"a": {**F4, "dtype": "F7"}}, 16, "'F7'"),
        ({"a": {**F4, "shape": [-4]}}, 16, "impossible"),
        ({"a": {**F4, "shape": [4.0]}}, 16, "impossible"),
        ({"a": {**F4, "shape": [True, 4]}}, 16, "impossible"),
        ({"a": {**F4, "data_offsets": [-16, 0]}}, 16, "impossible"),
        ({"a": {**F4, "data_offsets": [16, 0]}}, 16, "impossible"),
        ({"a": {**F4, "shape": [5]}}, 16, "does not match"),
        ({"a": {**F4, "shape": [10**30]}}, 16, "does not match"),
        ({"a": F4, "b": F4}, 16, "overlap"),
        ({"a": F4, "b": {**F4, "data_offsets": [8, 24]}}, 24, "overlap"),
        ({"a": F4, "b": {**F4, "data_offsets": [20, 36]}}, 36, "gaps"),
        ({"a": F4}, 10, "6 bytes are missing"),
        ({"a": F4}, 20, "4 bytes that belong to no tensor"),
        ({"__metadata__": {"a": 3}, "a": F4}, 16, "not (a )?text"),
        ({"__metadata__": [], "a": F4}, 16, "not (a )?text"),
    ],
)
def test_lying_headers_are_refused(tmp_path, header, data_bytes, reason):
    with pytest.raises(MalformedFileError, match=reason):
        read_contents(write_raw_safetensors(tmp_path / "x", header, data_bytes))


def test_a_file_that_ends_in_its_header_was_cut_short(tmp_path):
    path = tmp_path / "x"
    path.write_bytes((1000).to_bytes(8, "little") + b'{"a"')
    with pytest.raises(MalformedFileError, match="within its header"):
        read_contents(path)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ((9).to_bytes(8, "little") + b"{", True),
        ((9).to_bytes(8, "little") + b"x", False),
        ((1).to_bytes(8, "little") + b"{", False),
        ((2**40).to_bytes(8, "little") + b"{", False),
        (b"", False),
    ],
)
def test_recognition_by_the_first_bytes(head, expected):
    assert is_safetensors(head) is expected
