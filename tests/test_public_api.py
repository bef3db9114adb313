"""The public names: complete, lazy, and where they are said to be."""

from __future__ import annotations

import importlib
import inspect
import re
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


VERBS = (
    *("annotate", "compare", "doctor", "evaluate", "export", "export_annotations", "finetune", "measure"),
    *("plan_annotation", "recommend", "segment"),
)


@pytest.mark.parametrize("name", VERBS)
def test_verbs_are_functions_whose_options_have_names(name):
    """At most three arguments by place, all others by name and with a default, but for where the results go."""
    verb = getattr(samara, name)
    assert inspect.isfunction(verb)
    parameters = inspect.signature(verb).parameters.values()
    assert len([one for one in parameters if one.kind is not one.KEYWORD_ONLY]) <= 3
    required = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty}
    assert required <= {"out"}


@pytest.mark.parametrize("name", [*VERBS, "load", "open_store", "read_records", "write_annotations"])
def test_paths_are_texts_or_paths(name):
    verb = getattr(samara, name)
    for one in inspect.signature(verb).parameters.values():
        assert "Path" not in str(one.annotation).replace("os.PathLike[str]", "").replace("AnyPath", ""), one


@pytest.mark.parametrize("name", VERBS)
def test_every_argument_is_explained(name):
    verb = getattr(samara, name)
    for argument in inspect.signature(verb).parameters:
        assert re.search(rf"^ {{4}}{argument}: ", inspect.getdoc(verb), re.MULTILINE), argument
