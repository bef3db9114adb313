"""Incremental writing of JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from samara.errors import OutputError


def json_text(value: Any) -> str:  # Any: JSON is made of what it finds
    """Write a value as one line of JSON, in ASCII, so that no reader depends on the platform's encoding.

    Raises:
        OutputError: it contains NaN, infinity, or something that JSON cannot represent.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OutputError(f"the annotations cannot be written as JSON: {error}") from error


class JsonList:
    """A JSON list in a file, written row by row."""

    def __init__(self, path: Path) -> None:
        """Start an empty list."""
        self._file = path.open("w+b")
        self._count = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        """Return the number of rows so far."""
        return self._count

    def extend(self, rows: Iterable[str]) -> None:
        """Add rows, each a result of `json_text`."""
        for row in rows:
            self.size_bytes += self._file.write(b"[\n" if self._count == 0 else b",\n")
            self.size_bytes += self._file.write(row.encode("ascii"))
            self._count += 1

    def pour_into(self, document: IO[bytes]) -> None:
        """Close the list and append it to a document."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, document, 1 << 16)
        document.write(b"\n]" if self._count else b"[]")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
