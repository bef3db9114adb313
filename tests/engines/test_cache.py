"""Entries are whole or made again."""

from __future__ import annotations

import pytest

from samara.engines.cache import SEAL, cache_directory, cached, is_intact
from samara.errors import OutputError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Maker:
    """Writes two files and counts how often."""

    def __init__(self):
        self.calls = 0

    def __call__(self, folder):
        self.calls += 1
        (folder / "graph").write_bytes(b"abc" * 1000)
        (folder / "weights").write_bytes(b"w")


def test_an_entry_is_made_once(home):
    make = Maker()
    folder = cached("one", make)
    assert cached("one", make) == folder == home / "one"
    assert make.calls == 1
    assert sorted(path.name for path in home.iterdir()) == ["one"], "nothing half-made is left"


def flip(folder):
    data = bytearray((folder / "graph").read_bytes())
    data[5] ^= 1
    (folder / "graph").write_bytes(data)


DAMAGE = [
    flip,
    lambda folder: (folder / "graph").write_bytes(b"abc"),
    lambda folder: (folder / "weights").unlink(),
    lambda folder: (folder / SEAL).unlink(),
    lambda folder: (folder / SEAL).write_text("{"),
    lambda folder: (folder / "more").write_text("x"),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_made_again(home, damage):
    make = Maker()
    folder = cached("one", make)
    damage(folder)
    assert not is_intact(folder)
    cached("one", make)
    assert make.calls == 2
    assert is_intact(folder)


def test_a_maker_that_fails_leaves_nothing(home):
    def make(folder):
        (folder / "half").write_text("x")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        cached("one", make)
    assert list(home.iterdir()) == []


def test_two_at_a_time(home):
    def make(folder):
        cached("one", Maker())  # another process was quicker
        Maker()(folder)

    assert is_intact(cached("one", make))
    assert [path.name for path in home.iterdir()] == ["one"]


def test_a_place_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OutputError, match="set SAMARA_CACHE to one that can"):
        cached("one", Maker())


def test_the_default_place_is_the_users(monkeypatch):
    monkeypatch.delenv("SAMARA_CACHE")
    assert cache_directory().name == "engines"
