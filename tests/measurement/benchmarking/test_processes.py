"""However a worker ends, a run goes on with a reason."""

from __future__ import annotations

import os
import sys

import pytest

from samara.measurement.benchmarking.processes import run_job
from tests.measurement.benchmarking.samples import job


def worker(code):
    return (sys.executable, "-c", f"import sys, os, json, time, signal\n{code}")


def run(code, timeout_s=60.0, progress=None):
    return run_job(job(batch_size=8), timeout_s=timeout_s, progress=progress, command=worker(code))


READ = "job = sys.stdin.readline()\n"
CUT_OFF = "sys.stdout.write('[1, ')\nsys.stdout.flush()\nos.kill(os.getpid(), signal.SIGKILL)"
KILLED = "its process was killed, probably because it ran out of memory"
NUMBER = '{"metric": "load_seconds", "value": 1.5, "interval": None}'


def test_numbers_and_progress_come_through():
    told = []
    numbers = run(
        f"{READ}print(json.dumps({{'progress': ['calls', 1, 3]}}))\nprint(json.dumps({{'numbers': [{NUMBER}]}}))",
        progress=lambda *step: told.append(step),
    )
    assert [(number.metric, number.value) for number in numbers] == [("load_seconds", 1.5)]
    assert told == [("calls", 1, 3)]


def test_the_job_arrives_whole():
    code = f"{READ}print(json.dumps({{'error': json.loads(job)['checkpoint'] + str(json.loads(job)['batch_size'])}}))"
    assert {number.note for number in run(code)} == {"samara_mini8"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (f"{READ}print(json.dumps({{'error': 'no memory left'}}))", "no memory left"),
        (f"{READ}os.kill(os.getpid(), signal.SIGKILL)", KILLED),
        (f"{READ}os.kill(os.getpid(), signal.SIGTERM)", "its process ended with signal 15: no output"),
        (
            f"{READ}sys.stderr.write('warning\\nlast words\\n'); sys.exit(3)",
            "its process ended with status 3: last words",
        ),
        (f"{READ}{CUT_OFF}", KILLED),
        ("sys.exit(4)", "its process ended with status 4: no output"),
        (READ, "its process ended with status 0: no output"),
    ],
)
def test_a_failure_has_a_reason_for_every_metric(code, why):
    numbers = run(code)
    assert [number.metric for number in numbers] == ["load_resident_peak_bytes", "load_device_peak_bytes"]
    for number in numbers:
        assert (number.value, number.status, number.note, number.batch_size) == (None, "failed", why, 8)


def test_what_takes_too_long_is_ended():
    numbers = run(f"{READ}time.sleep(60)", timeout_s=0.5)
    assert {number.note for number in numbers} == {"it took longer than 0.5 s"}


INTERRUPTED = """
job = sys.stdin.readline()
open({pid!r}, "w").write(str(os.getpid()))
print('{{"progress": [0, 1]}}', flush=True)
time.sleep(60)
"""


def test_an_interruption_ends_the_worker_too(tmp_path):
    """Ctrl-C while a line is being heard."""
    pid = tmp_path / "pid"

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(INTERRUPTED.format(pid=str(pid)), progress=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
