import dataclasses
import hashlib

import pytest

from samara.checkpoints.catalogue import find
from samara.checkpoints.digests import digest_file, known_digest

CONTENT = bytes(range(256)) * 9000


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("sha256", hashlib.sha256(CONTENT).hexdigest()),
        ("md5", hashlib.md5(CONTENT).hexdigest()),
        ("git_blob_sha1", hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()),
    ],
)
def test_digest_of_a_file(tmp_path, algorithm, expected):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert digest_file(path, algorithm) == expected


def test_git_id_of_the_empty_file_is_the_well_known_one(tmp_path):
    path = tmp_path / "empty"
    path.touch()
    assert digest_file(path, "git_blob_sha1") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_the_strongest_digest_is_used():
    row = find("mobile_sam")
    assert known_digest(row) == ("sha256", row.sha256)
    assert known_digest(dataclasses.replace(row, sha256=None)) == ("git_blob_sha1", row.git_blob_sha1)
    assert known_digest(dataclasses.replace(row, sha256=None, git_blob_sha1=None)) == ("md5", row.md5)
    assert known_digest(dataclasses.replace(row, sha256=None, git_blob_sha1=None, md5=None)) is None
