"""The code of docs/annotation.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from tests.annotation.conftest import write_images
from tests.annotation.fake import annotator, store_of, work_on

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "annotation.md").read_text()


def test_the_code_does_what_is_said(tmp_path, monkeypatch, capsys):
    from samara.annotation.run.runner import annotate_store

    write_images(tmp_path / "photos", 3, size=(160, 120))
    annotate_store(store_of(tmp_path / "photos", tmp_path / "masks"), annotator(), work_on(tmp_path / "photos"))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    for block in blocks:
        exec(block, {})
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[1-9]\d* masks of more than 10,000 pixels", printed[0])
    assert printed[1].startswith("0000.png 4 (None")
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 1
    assert printed[-1].startswith("[")
