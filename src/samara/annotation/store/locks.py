"""Claims: which process annotates which shard, on one machine or on a shared folder.

A claim is a lock of the operating system on a file of its own. It ends with its process, however that ends, so that
nobody has to find out whether the holder of a claim still lives.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Try to claim; the block learns whether it holds the claim, and gives it up at its end."""
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
    """Remove the file of a claim that nobody will need again, while holding it.

    Another process may have opened the file just before; it then locks a file without a name, and finds the shard
    done when it looks. That is why every holder looks again after claiming.
    """
    with suppress(OSError):
        path.unlink(missing_ok=True)


def someone_holds(folder: Path) -> bool:
    """Whether any claim in a folder is held."""
    for path in sorted(folder.glob("*.lock")):
        with claim(path) as is_ours:
            if not is_ours:
                return True
    return False
