"""The document on formats: its Python runs as pasted and prints what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

TEXT = (Path(__file__).parent.parent.parent / "docs" / "formats.md").read_text()


def test_python_runs_as_pasted(tmp_path):
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == re.findall(r"print\(.*\)  # (\S+)", code)
    assert (tmp_path / "out" / "yolo" / "labels" / "dogs" / "a.txt").is_file()
    assert (tmp_path / "out" / "coco.json").is_file()
