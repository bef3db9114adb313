"""The document on formats: its Python runs as pasted and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parent.parent.parent / "docs" / "formats.md").read_text()


def test_python_runs_as_pasted(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out.split() == re.findall(r"print\(.*\)  # (\S+)", code)
    assert (tmp_path / "out" / "yolo" / "labels" / "dogs" / "a.txt").is_file()
    assert (tmp_path / "out" / "coco.json").is_file()
