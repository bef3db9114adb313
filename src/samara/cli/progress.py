"""Progress bars on stderr, only when it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samara.system.progress import Progress


_no_bars: ContextVar[bool] = ContextVar("no_bars", default=False)


@contextmanager
def without_bars() -> Iterator[None]:
    """Show no bars within the block."""
    token = _no_bars.set(True)
    try:
        yield
    finally:
        _no_bars.reset(token)


def stderr_is_terminal() -> bool:
    """Return whether stderr is a terminal on which bars are wanted."""
    return sys.stderr.isatty() and not _no_bars.get()


@contextmanager
def work_bar() -> Iterator[Progress | None]:
    """Show one bar per named task.

    Text after a colon in the name may change between calls; it is shown, and the bar stays the same.
    """
    if not stderr_is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TaskProgressColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = ("{task.description}", BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(name: str, done: int, total: int) -> None:
            work = name.partition(":")[0]
            if work not in tasks:
                tasks[work] = bars.add_task(name, total=total)
            bars.update(tasks[work], completed=done, description=name)

        yield tell


@contextmanager
def annotation_bar() -> Iterator[Progress | None]:
    """Show a bar for a data set, with its speed and the text after the colon in the name."""
    if not stderr_is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = ("annotating", BarColumn(), MofNCompleteColumn(), "{task.description}", TimeRemainingColumn())
    # Speed over the last minutes: a longer mean would include images done before a resume.
    with Bars(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=120) as bars:
        task = bars.add_task("", total=None)

        def tell(name: str, done: int, total: int) -> None:
            if bars.tasks[0].total is None:
                bars.reset(task, total=total, completed=done)
            bars.update(task, completed=done)
            speed = bars.tasks[0].speed
            rate = "" if speed is None else f"{speed:.2f} images/s, "
            bars.update(task, description=f"{rate}{name.partition(': ')[2]}")

        yield tell


@contextmanager
def download_bar(name: str) -> Iterator[Progress | None]:
    """Show a bar from the first bytes of a download."""
    if not stderr_is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, visible=False)
        yield lambda _, done, total: bar.update(task, completed=done, total=total or None, visible=True)
