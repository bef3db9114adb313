"""Progress bars on stderr: for people only, so none when stderr is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samara.system.progress import Progress


def stderr_is_terminal() -> bool:
    """Whether somebody watches."""
    return sys.stderr.isatty()


@contextmanager
def work_bar() -> Iterator[Progress | None]:
    """A bar for each named piece of work.

    What stands behind a colon may change from call to call; it is shown, and the bar stays the same.
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
    """A bar for a data set, with its speed and what stands behind the colon of the name."""
    if not stderr_is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = ("annotating", BarColumn(), MofNCompleteColumn(), "{task.description}", TimeRemainingColumn())
    # The speed of the last minutes: images of a resumed run that were done before would spoil any longer mean.
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
    """A bar that appears with the first bytes."""
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
