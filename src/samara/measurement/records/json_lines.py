"""Files that only grow, a line at a time, and survive a crash in the middle of one.

What a killed process or a power cut leaves is at most an unfinished last line. Readers leave it out, and the next
append cuts it off. Several processes may append to one file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import filelock

from samara.errors import OutputError, RecordError
from samara.system.files import make_folder


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Append lines and have them written to the disk; all of them, or after a crash perhaps only the first ones.

    Args:
        path: made, with its folders, if it is not there.
        lines: without their ends.

    Raises:
        OutputError: the folder or disk does not take them.
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
    """Read all finished lines; none if there is no file.

    Raises:
        RecordError: the file cannot be read, or is no text.
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
        raise RecordError(f"{path} is no text; a file of JSON lines is needed") from error


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
