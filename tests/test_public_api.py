"""The public names: complete, lazy, and where they are said to be."""

from __future__ import annotations

import importlib
from importlib import metadata

import pytest

import samara


@pytest.mark.parametrize("name", samara.__all__)
def test_every_public_name_is_there(name):
    assert getattr(samara, name) is getattr(importlib.import_module(samara._HOME_OF[name]), name)
    assert name in dir(samara)


def test_all_and_homes_agree():
    assert set(samara.__all__) == set(samara._HOME_OF)
    assert list(samara.__all__) == sorted(samara.__all__)


def test_unknown_names_are_refused_as_usual():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        samara.nonsense  # noqa: B018


def test_version_is_that_of_the_package():
    assert metadata.version("samara") == samara.__version__
