"""Templates escape what they show, and miss nothing silently."""

from __future__ import annotations

import jinja2
import pytest

from samara.errors import MissingExtra
from samara.system.templates import template


def test_a_missing_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        template("measurement/comparison/comparison.html.j2").render()


def test_without_jinja_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(MissingExtra, match=r"samara\[report\]"):
        template("measurement/comparison/comparison.html.j2")
