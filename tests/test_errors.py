"""The error tree: as drawn, and every message a plain sentence."""

from __future__ import annotations

import inspect

import pytest

from samara import errors

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_drawn_and_says_when(error):
    assert issubclass(error, errors.SamaraError)
    assert error.__doc__
    assert error is errors.SamaraError or error.__name__ in errors.__doc__


@pytest.mark.parametrize("error", CLASSES)
def test_messages_are_shown_as_they_are(error):
    # KeyError would show them in quotes.
    assert str(error("no file 'a'; give one")) == "no file 'a'; give one"
    assert str(error()) == ""


@pytest.mark.parametrize(
    ("error", "standard"),
    [
        (errors.PromptError, ValueError),
        (errors.UnknownCheckpoint, KeyError),
        (errors.MissingExtra, ImportError),
        (errors.DownloadFailed, OSError),
    ],
)
def test_code_that_knows_only_python_can_catch_them(error, standard):
    assert issubclass(error, standard)
