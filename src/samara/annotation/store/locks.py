"""Claims: which process annotates which shard, on one machine or on a shared folder.

A claim is an operating system lock on its own file. It ends with its process, however that ends, so nothing needs to
check whether the holder is still alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Try to claim; yield whether the claim is held, and release it when the block ends."""
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def forget(path: Path) -> None:
    """Remove the file of a claim that is no longer needed, while holding it.

    Another process may have opened the file just before; it then locks an unlinked file and finds the shard done. That
    is why every holder checks the shard again after claiming it.
    """
    with suppress(OSError):
        path.unlink(missing_ok=True)


def someone_holds(folder: Path) -> bool:
    """Return whether any claim in a folder is held."""
    for path in sorted(folder.glob("*.lock")):
        with claim(path) as is_ours:
            if not is_ours:
                return True
    return False
