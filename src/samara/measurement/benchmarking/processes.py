"""Running a job in its own process, and finding out how it ended."""

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
    """Output of a worker so far."""

    numbers: list[Number] | None = None
    error: str | None = None


def run_job(
    job: BenchmarkJob, *, timeout_s: float, progress: Progress | None = None, command: tuple[str, ...] = COMMAND
) -> list[Number]:
    """Run a job in its own process.

    Args:
        job: job to run.
        timeout_s: time limit in seconds, after which the process is killed.
        progress: called as the work advances.
        command: command that starts the worker.

    Returns:
        The numbers of the job; after a failure, one without a value for each of its metrics, with the reason.
    """
    heard = _Heard()
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603 - this interpreter
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
        return  # it has already ended; the exit status says how
    for line in process.stdout:
        if not line.endswith("\n"):
            return  # killed mid-line
        said: dict[str, Any] = json.loads(line)  # Any: JSON values
        if "progress" in said and progress is not None:
            progress(*said["progress"])
        heard.error = said.get("error", heard.error)
        if "numbers" in said:
            heard.numbers = [Number.from_json(number) for number in said["numbers"]]


def _how_it_ended(process: subprocess.Popen[str], errors: IO[str]) -> str:
    status = process.returncode
    if status == -signal.SIGKILL:
        return "its process was killed, probably because it ran out of memory"
    errors.seek(0)
    last = next((line for line in reversed(errors.read().splitlines()) if line.strip()), "no output")
    ended = f"signal {-status}" if status < 0 else f"status {status}"
    return f"its process ended with {ended}: {last.strip()[:200]}"
