import dataclasses

from samara.checkpoints.catalogue import find
from samara.checkpoints.store.digests import known_digest


def test_the_strongest_digest_is_used():
    row = find("mobile_sam")
    assert known_digest(row) == ("sha256", row.sha256)
    assert known_digest(dataclasses.replace(row, sha256=None)) == ("git_blob_sha1", row.git_blob_sha1)
    assert known_digest(dataclasses.replace(row, sha256=None, git_blob_sha1=None)) == ("md5", row.md5)
    assert known_digest(dataclasses.replace(row, sha256=None, git_blob_sha1=None, md5=None)) is None
    row = find("vit_b_lm")
    assert known_digest(row) == ("xxh128", row.xxh128)
