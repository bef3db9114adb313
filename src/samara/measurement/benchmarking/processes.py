"""Running a job in a process of its own, and understanding how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from typing import IO, Any

from samara.measurement.benchmarking.jobs import BenchmarkJob
from samara.measurement.records.numbers import Number, without_value
from samara.system.progress import Progress

COMMAND = (sys.executable, "-m", "samara.measurement.benchmarking.worker")


@dataclass
class _Heard:
    """What a worker has said so far."""

    numbers: list[Number] | None = None
    error: str | None = None


def run_job(
    job: BenchmarkJob, *, timeout_s: float, progress: Progress | None = None, command: tuple[str, ...] = COMMAND
) -> list[Number]:
    """Do a job in a process of its own.

    Args:
        job: what to do.
        timeout_s: the process is ended after so many seconds.
        progress: called as the work goes on.
        command: starts the worker.

    Returns:
        Its numbers; if it failed, a number without value for each of the job's metrics, with the reason.
    """
    heard = _Heard()
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603 - our own interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        ) as process,
    ):
        timer = threading.Timer(timeout_s, process.kill)
        timer.start()
        try:
            _converse(process, job, heard, progress)
            process.wait()
        finally:
            ran_out = not timer.is_alive()
            timer.cancel()
            process.kill()
        if heard.numbers is not None:
            return heard.numbers
        why = f"it took longer than {timeout_s:g} s" if ran_out else heard.error or _how_it_ended(process, errors)
    return [without_value(metric, "failed", why, batch_size=job.batch_size) for metric in job.metrics]


def _converse(process: subprocess.Popen[str], job: BenchmarkJob, heard: _Heard, progress: Progress | None) -> None:
    assert process.stdin is not None, "it is piped"
    assert process.stdout is not None, "it is piped"
    try:
        process.stdin.write(job.to_json() + "\n")
        process.stdin.close()
    except BrokenPipeError:
        return  # it has ended already; how, its exit status says
    for line in process.stdout:
        if not line.endswith("\n"):
            return  # killed in the middle of it
        said: dict[str, Any] = json.loads(line)  # Any: JSON values
        if "progress" in said and progress is not None:
            progress(*said["progress"])
        heard.error = said.get("error", heard.error)
        if "numbers" in said:
            heard.numbers = [Number.from_json(number) for number in said["numbers"]]


def _how_it_ended(process: subprocess.Popen[str], errors: IO[str]) -> str:
    status = process.returncode
    if status == -signal.SIGKILL:
        return "its process was killed, probably because memory ran out"
    errors.seek(0)
    last = next((line for line in reversed(errors.read().splitlines()) if line.strip()), "it said nothing")
    ended = f"signal {-status}" if status < 0 else f"status {status}"
    return f"its process ended with {ended}: {last.strip()[:200]}"
