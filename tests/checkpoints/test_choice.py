"""What is loaded, and how, as a value."""

from __future__ import annotations

import inspect

import samara
from samara.checkpoints.choice import Choice


def test_its_defaults_are_those_of_load():
    of_load = {name: one.default for name, one in inspect.signature(samara.load).parameters.items()}
    assert {name: of_load[name] for name in vars(Choice())} == vars(Choice())
