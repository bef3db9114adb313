"""Claims: one holder, and none when the holder has died."""

from __future__ import annotations

import signal
import subprocess
import sys

from samara.annotation.store.locks import claim, forget, someone_holds

HOLD = """
import sys, time
from pathlib import Path
from samara.annotation.store.locks import claim
with claim(Path(sys.argv[1])) as is_ours:
    print(is_ours, flush=True)
    time.sleep(60)
"""


def test_a_claim_ends_with_its_process(tmp_path):
    path = tmp_path / "00000000.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout.readline() == "True\n"
        with claim(path) as is_ours:
            assert not is_ours
        assert someone_holds(tmp_path)
        holder.send_signal(signal.SIGKILL)
    with claim(path) as is_ours:
        assert is_ours
        forget(path)
    assert not someone_holds(tmp_path)
