"""`samara serve`: options, and what it prints before it listens."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

import pytest

from samara.cli import main
from samara.serving import serve as room
from samara.serving.serve import Serving


@pytest.fixture
def run(monkeypatch, capsys):
    """The command, up to the point where it would listen: its exit status, output, and what it was called with."""
    called = {}

    def serve(images, *, ready, **arguments):
        called.update(arguments, images=images)
        ready(Serving(None, "http://127.0.0.1:8421/?token=abc", Path("photos-masks"), ("samara_mini",)))

    monkeypatch.setattr(room, "serve", serve)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["samara", "serve", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main.run()
        return exit_.value.code, capsys.readouterr(), called

    return run


def test_the_address_is_printed(run, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    code, printed, _ = run("photos", "--no-open")
    assert code == 0
    assert "open http://127.0.0.1:8421/?token=abc" in printed.out.splitlines()
    assert opened == []
    run("photos", "--open")
    assert opened == ["http://127.0.0.1:8421/?token=abc"]


def test_nothing_is_opened_without_a_desktop(run, monkeypatch):
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("www-browser"))
    monkeypatch.setattr(webbrowser, "open", lambda address: pytest.fail(f"opened {address}"))
    assert run("photos")[0] == 0


def test_options_become_arguments(run):
    given = "photos --checkpoint a --checkpoint b --classes cat,dog --port 0 --allow-host x --timeout 3 --out o"
    _, _, called = run(*given.split(), "--no-open", "--device", "cpu", "--value-range", "auto")
    assert called["images"] == ["photos"]
    assert called["checkpoints"] == ["a", "b"]
    assert called["classes"] == ["cat", "dog"]
    assert called["out"] == Path("o")
    assert called["device"] == "cpu"
    assert called["reading"].value_range == "auto"
    settings = called["settings"]
    assert (settings.port, settings.allowed_hosts, settings.timeout_s, settings.host) == (0, ("x",), 3, "127.0.0.1")


def test_errors_name_options(run, monkeypatch):
    code, printed, _ = run("photos", "--token", "short", "--no-open")
    assert code == 1
    assert "--token has 5 characters" in printed.err
