"""Addresses of the web."""

from __future__ import annotations

import pytest

from samara.serving.addresses import is_web_address


@pytest.mark.parametrize("text", ["http://localhost", "https://a.example:8080/b?token=c", "http://[::1]:80/"])
def test_an_address(text):
    assert is_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "ftp://a",
        "http://",
        "http://[::1",
        "http://a/\x01",
        "http://a/\ud800",
        "http://a/" + 70_000 * "b",
    ],
)
def test_none(text):
    assert not is_web_address(text)
