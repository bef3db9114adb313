"""Text as Windows, spreadsheets and shells write it."""

from __future__ import annotations

import pytest

from samara.datasets.reading.text_files import listed_names, read_text
from samara.errors import DatasetError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_text(tmp_path, encoding):
    path = tmp_path / "x.txt"
    path.write_bytes("Straße\r\n".encode(encoding))
    assert read_text(path) == "Straße\r\n"


@pytest.mark.parametrize(("encoding", "name"), [("utf-16", "UTF-16"), ("utf-16-be", "UTF-8"), ("utf-32", "UTF-32")])
def test_other_encodings_are_told(tmp_path, encoding, name):
    path = tmp_path / "x.txt"
    path.write_bytes("Straße".encode(encoding))
    with pytest.raises(DatasetError, match=f"{name}.*UTF-8|no text in {name}"):
        read_text(path)


def test_lists_as_people_write_them(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa.jpg\r\n\r\n  b c.jpg \t\r\n# later\r\n\xff.jpg\r\nd.jpg")
    assert list(listed_names(path)) == ["a.jpg", "b c.jpg", "\udcff.jpg", "d.jpg"]


def test_lists_in_other_encodings_are_told(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("a.jpg\r\n".encode("utf-16"))
    with pytest.raises(DatasetError, match="UTF-16; save it as UTF-8"):
        list(listed_names(path))


def test_files_that_cannot_be_read_are_told(tmp_path):
    for read in (read_text, lambda path: list(listed_names(path))):
        with pytest.raises(DatasetError, match=r"absent.*cannot be read \(No such file"):
            read(tmp_path / "absent")
