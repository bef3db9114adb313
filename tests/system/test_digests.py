import hashlib

import pytest
import xxhash

from samara.system.digests import digest_files

CONTENT = bytes(range(256)) * 9000


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("sha256", hashlib.sha256(CONTENT).hexdigest()),
        ("md5", hashlib.md5(CONTENT).hexdigest()),
        ("xxh128", xxhash.xxh128_hexdigest(CONTENT)),
        ("git_blob_sha1", hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()),
    ],
)
def test_digest_of_a_file(tmp_path, algorithm, expected):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert digest_files([path], algorithm) == expected


def test_git_id_of_the_empty_file_is_the_well_known_one(tmp_path):
    path = tmp_path / "empty"
    path.touch()
    assert digest_files([path], "git_blob_sha1") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
