"""Lines that survive a crash, and several writers."""

from __future__ import annotations

import multiprocessing

import pytest

from samara.errors import OutputError, RecordError
from samara.measurement.records.json_lines import append_lines, read_lines


def test_no_file_has_no_lines(tmp_path):
    assert read_lines(tmp_path / "none") == []


def test_lines_come_back_in_order(tmp_path):
    path = tmp_path / "new" / "lines"
    append_lines(path, ['{"a": "ä"}', "{}"])
    append_lines(path, [])
    append_lines(path, ["3"])
    assert read_lines(path) == ['{"a": "ä"}', "{}", "3"]


@pytest.mark.parametrize("torn", [b'{"b', b"x" * 200_000, b"\xc3"])
def test_an_unfinished_line_is_left_out_and_then_cut_off(tmp_path, torn):
    path = tmp_path / "lines"
    append_lines(path, ["1", "2"])
    with path.open("ab") as file:
        file.write(torn)
    assert read_lines(path) == ["1", "2"]
    append_lines(path, ["3"])
    assert path.read_bytes() == b"1\n2\n3\n"


def test_a_file_that_is_nothing_but_torn(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b'{"half')
    assert read_lines(path) == []
    append_lines(path, ["1"])
    assert path.read_bytes() == b"1\n"


def _write(path, text):
    for _ in range(40):
        append_lines(path, [text * 2000, text])


def test_writers_do_not_tear_each_other(tmp_path):
    path = tmp_path / "lines"
    writers = [multiprocessing.get_context("spawn").Process(target=_write, args=(path, text)) for text in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    lines = read_lines(path)
    assert sorted(set(lines)) == ["a", "a" * 2000, "b", "b" * 2000]
    assert len(lines) == 160


def test_faults_are_told(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        append_lines(tmp_path, ["1"])
    with pytest.raises(RecordError, match="cannot be read"):
        read_lines(tmp_path)
    (tmp_path / "image").write_bytes(b"\xff\xd8\n")
    with pytest.raises(RecordError, match="is not text"):
        read_lines(tmp_path / "image")
