"""Worker process for one job: reads the job as JSON and writes only lines of JSON.

    stdin    one line, a job
    stdout   {"progress": [what, done, total]}, any number of times
             {"numbers": [...]} or {"error": "a sentence"}, once, at the end
    stderr   output of libraries

The exit status is 0 if the last line was written. A killed process writes none, so the parent can tell.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from samara.errors import SamaraError


def main() -> None:
    """Run the job on stdin."""
    out = _own_stdout()
    _be_the_first_to_go()
    # Imported here because it is slow and may print.
    from samara.measurement.benchmarking.jobs import BenchmarkJob
    from samara.measurement.benchmarking.perform import perform

    def tell(what: str, done: int, total: int) -> None:
        _write(out, {"progress": [what, done, total]})

    try:
        numbers = perform(BenchmarkJob.from_json(sys.stdin.readline()), tell)
    except (SamaraError, MemoryError, RuntimeError, OSError) as error:
        # PyTorch's messages run over pages; the first line names the error.
        _write(out, {"error": (str(error).strip() or type(error).__name__).splitlines()[0]})
    else:
        _write(out, {"numbers": [number.as_json() for number in numbers]})


def _own_stdout() -> IO[str]:
    """Return the real stdout, and redirect whatever libraries print there to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return out


def _be_the_first_to_go() -> None:
    """Let Linux kill this process first if memory runs out, not the user's editor."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _write(out: IO[str], line: dict[str, Any]) -> None:  # Any: JSON values
    out.write(json.dumps(line) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
