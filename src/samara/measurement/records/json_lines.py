"""Append-only files of lines that survive a crash in the middle of a line.

A killed process or a power cut leaves at most an unfinished last line. Readers ignore it, and the next append truncates
it. Several processes may append to one file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import filelock

from samara.errors import OutputError, RecordError
from samara.system.files import make_folder


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Append lines and sync them to disk; after a crash, only the first ones may be there.

    Args:
        path: file, created with its folders if missing.
        lines: lines without newlines.

    Raises:
        OutputError: The lines cannot be written.
    """
    data = "".join(f"{line}\n" for line in lines).encode()
    make_folder(path.parent)
    try:
        with filelock.FileLock(f"{path}.lock"), path.open("a+b") as file:
            _cut_unfinished_line(file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def read_lines(path: Path) -> list[str]:
    """Read all complete lines; none if the file does not exist.

    Raises:
        RecordError: The file cannot be read or is not text.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror or error}") from error
    finished, _, _ = data.rpartition(b"\n")
    try:
        return [line for line in finished.decode().split("\n") if line]
    except UnicodeDecodeError as error:
        raise RecordError(f"{path} is not text; give a file of JSON lines") from error


def _cut_unfinished_line(file: int) -> None:
    size = os.fstat(file).st_size
    end = size
    while end:
        start = max(0, end - 65536)
        os.lseek(file, start, os.SEEK_SET)
        newline = os.read(file, end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end != size:
        os.ftruncate(file, end)
