"""Reading of text files from various sources: byte order marks, line endings, blanks, other encodings."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from pathlib import Path

from samara.errors import DatasetError

# Longer marks first: UTF-32's starts like UTF-16's.
_OTHER_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def read_text(path: Path) -> str:
    """Read a file as UTF-8, with or without a byte order mark.

    Raises:
        DatasetError: it cannot be read, or is text in another encoding.
    """
    try:
        return _without_mark(path.read_bytes(), path).decode()
    except OSError as error:
        raise DatasetError(f"{str(path)!r} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{str(path)!r} is not UTF-8 text; save or export it as UTF-8.") from error


def listed_names(path: Path) -> Iterator[str]:
    """Yield the file names of a list, one per line.

    Surrounding blanks are stripped. Empty lines and comments (lines that start with "#") are skipped.

    Raises:
        DatasetError: the list cannot be read, or is text in UTF-16.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines):
                # File names may be invalid UTF-8.
                name = os.fsdecode((line if number else _without_mark(line, path)).strip())
                if name and not name.startswith("#"):
                    yield name
    except OSError as error:
        raise DatasetError(f"the list {str(path)!r} cannot be read ({error.strerror or error}).") from error


def _without_mark(data: bytes, path: Path) -> bytes:
    """Strip UTF-8's byte order mark.

    Raises:
        DatasetError: it starts with the mark of another encoding.
    """
    for mark, encoding in _OTHER_ENCODINGS:
        if data.startswith(mark):
            raise DatasetError(f"{str(path)!r} is text in {encoding}; save it as UTF-8.")
    return data.removeprefix(codecs.BOM_UTF8)
