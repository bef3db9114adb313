"""Errors have a status, and no answer has text that cannot be sent."""

from __future__ import annotations

import errno
import json

import pytest

from samara import errors
from samara.annotation.editing.editor import OutdatedRevision
from samara.serving.refusals import Gone, body_of, busy, headers_of, not_found, sendable, status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.PromptError("x"), 422),
        (errors.ImageError("x"), 422),
        (errors.UnknownCheckpoint("x"), 404),
        (errors.UnsafeCheckpoint("x"), 422),
        (errors.OutputError("x"), 503),
        (errors.DatasetError("x"), 503),
        (errors.MissingExtra("x"), 501),
        (OutdatedRevision("x", "r"), 409),
        (not_found("x"), 404),
        (busy("x"), 429),
        (Gone("x"), 422),
    ],
)
def test_each_error_has_its_status(error, status):
    assert status_of(error) == status
    assert body_of(error)["error"] == "x"
    assert ("Retry-After" in headers_of(error)) == (status in (429, 503))


def test_a_full_disk_is_told_apart():
    error = errors.OutputError("no space")
    error.__cause__ = OSError(errno.ENOSPC, "no space")
    assert status_of(error) == 507


def test_a_conflict_tells_the_revision():
    assert body_of(OutdatedRevision("x", "r1")) == {"error": "x", "revision": "r1"}


def test_names_that_are_no_text_can_be_sent():
    name = b"\xff.png".decode("utf-8", "surrogateescape")
    assert json.dumps(sendable(name), ensure_ascii=False).encode()
