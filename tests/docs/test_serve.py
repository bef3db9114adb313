"""The examples of docs/serve.md run."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from samara.serving.serve import listening, run
from samara.serving.settings import ServeSettings
from tests.serving.conftest import TOKEN, app_of

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "serve.md").read_text()


def block(of):
    return next(code for code in re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE) if of in code)


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_supervision_reads_the_records(at_root, capsys):
    exec(block("supervision"), {})
    count, shape = re.fullmatch(r"(\d+) \((\d+), \d+, \d+\)\n", capsys.readouterr().out).groups()
    assert count == shape
    assert int(count) > 3


def test_the_client_works_as_shown(at_root, tmp_path, small_mini, capsys):
    listener = listening(ServeSettings(port=0))
    threading.Thread(target=run, args=(app_of(tmp_path, small_mini), listener), daemon=True).start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/?token={TOKEN}"
    exec(block("samara.Client").replace("http://127.0.0.1:8421/?token=...", address), {})
    assert capsys.readouterr().out
    listener.close()
