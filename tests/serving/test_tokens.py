"""Tokens: random, one for each store, kept for their owner alone."""

from __future__ import annotations

import stat

import pytest

from samara.errors import OutputError
from samara.serving.tokens import kept_token


def test_a_store_keeps_its_token(tmp_path):
    token = kept_token(tmp_path / "a", tmp_path / "kept")
    assert len(token) >= 40
    assert kept_token(tmp_path / "a", tmp_path / "kept") == token
    assert kept_token(tmp_path / "b", tmp_path / "kept") != token
    for path in (tmp_path / "kept").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_place_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMARA_STATE", str(tmp_path / "state"))
    token = kept_token(tmp_path / "a")
    assert [path.read_text() for path in (tmp_path / "state").iterdir()] == [token]


@pytest.mark.parametrize("content", ["", "short", "\xe9" * 40])
def test_a_damaged_one_is_told(tmp_path, content):
    kept_token(tmp_path / "a", tmp_path / "kept")
    (path,) = (tmp_path / "kept").iterdir()
    path.write_text(content)
    with pytest.raises(OutputError, match="delete it"):
        kept_token(tmp_path / "a", tmp_path / "kept")
