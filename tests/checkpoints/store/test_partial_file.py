import hashlib

import pytest

from samara.checkpoints.store.partial_file import Expected, PartialFile
from samara.errors import ChecksumMismatch

URL = "https://example.org/file.bin"
EXPECTED = Expected(size_bytes=6, digest=("sha256", hashlib.sha256(b"abcdef").hexdigest()))


def test_blocks_become_the_file_in_one_step(tmp_path):
    part = PartialFile(URL, tmp_path / "x", EXPECTED)
    assert list(part.append([b"abc", b"def"])) == [3, 6]
    assert not (tmp_path / "x").exists()
    part.complete()
    assert (tmp_path / "x").read_bytes() == b"abcdef"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_was_there_is_digested_with_what_comes(tmp_path):
    list(PartialFile(URL, tmp_path / "x", EXPECTED).append([b"abc"]))
    part = PartialFile(URL, tmp_path / "x", EXPECTED)
    assert part.done_bytes == 3
    list(part.append([b"def"]))
    part.complete()
    assert (tmp_path / "x").read_bytes() == b"abcdef"


def test_what_came_before_an_interruption_is_kept(tmp_path):
    part = PartialFile(URL, tmp_path / "x", EXPECTED)
    blocks = part.append(iter([b"abc", b"def"]))
    next(blocks)
    blocks.close()
    assert (tmp_path / "x.part").read_bytes() == b"abc"


def test_without_a_digest_whatever_comes_is_the_file(tmp_path):
    part = PartialFile(URL, tmp_path / "x", Expected())
    list(part.append([b"abc"]))
    part.complete()
    assert (tmp_path / "x").read_bytes() == b"abc"


def test_the_tag_is_remembered_with_its_address(tmp_path):
    part = PartialFile(URL, tmp_path / "x", Expected())
    part.remember_tag('"1"')
    list(part.append([b"abc"]))
    assert PartialFile("https://example.org/other", tmp_path / "y", Expected()).tag is None
    assert PartialFile(URL, tmp_path / "x", Expected()).tag == '"1"'


def test_too_much_is_thrown_away(tmp_path):
    part = PartialFile(URL, tmp_path / "x", EXPECTED)
    with pytest.raises(ChecksumMismatch, match="more than the catalogue's 6 bytes"):
        list(part.append([b"abcdefg"]))
    assert list(tmp_path.iterdir()) == []
    assert part.done_bytes == 0
