"""What the server refuses, and the HTTP status of every error: the answer is one sentence as JSON."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from samara.annotation.editing.editor import OutdatedRevision
from samara.errors import (
    CheckpointError,
    DatasetError,
    ImageError,
    MissingExtra,
    OutputError,
    PromptError,
    SamaraError,
    SettingsError,
    UnknownCheckpoint,
)


class Refused(SamaraError):
    """A request that is not answered.

    Attributes:
        status: status of the answer.
        headers: headers of the answer.
    """

    def __init__(self, status: HTTPStatus, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        """See the class."""
        super().__init__(sentence)
        self.status, self.headers = status, dict(headers or {})


class Gone(SamaraError):
    """The client went away before there was an answer."""


def not_found(sentence: str) -> Refused:
    """Return the refusal of what does not exist."""
    return Refused(HTTPStatus.NOT_FOUND, sentence)


def busy(sentence: str, status: HTTPStatus = HTTPStatus.TOO_MANY_REQUESTS) -> Refused:
    """Return the refusal of what may be asked again in a second."""
    return Refused(status, sentence, {"Retry-After": "1"})


def too_large(most: int) -> Refused:
    """Return the refusal of too many bytes."""
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"there are more than {most} bytes; send less at a time")


_STATUS: dict[type[SamaraError], HTTPStatus] = {
    OutdatedRevision: HTTPStatus.CONFLICT,
    ImageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PromptError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SettingsError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownCheckpoint: HTTPStatus.NOT_FOUND,
    CheckpointError: HTTPStatus.UNPROCESSABLE_ENTITY,
    MissingExtra: HTTPStatus.NOT_IMPLEMENTED,
    OutputError: HTTPStatus.SERVICE_UNAVAILABLE,
    DatasetError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: SamaraError) -> HTTPStatus:
    """Return the status of the answer to a request that failed with an error."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, OutputError) and _is_full(error):
        return HTTPStatus.INSUFFICIENT_STORAGE
    found = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)
    return HTTPStatus.UNPROCESSABLE_ENTITY if found is None else found


def headers_of(error: SamaraError) -> dict[str, str]:
    """Return the headers of that answer."""
    if isinstance(error, Refused):
        return error.headers
    return {"Retry-After": "1"} if status_of(error) is HTTPStatus.SERVICE_UNAVAILABLE else {}


def body_of(error: SamaraError) -> dict[str, Any]:  # Any: JSON
    """Return the JSON of that answer."""
    facts = {"revision": error.revision} if isinstance(error, OutdatedRevision) else {}
    return {"error": sendable(str(error))} | facts


def sendable(text: str) -> str:
    """Escape what is no valid text, such as bytes of a file name that are none."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False
