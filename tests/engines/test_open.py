"""Opening engines: one for each checkpoint, and the ones that are not there."""

from __future__ import annotations

import dataclasses

import pytest

import samara
from samara.engines.open import open_engine
from samara.engines.torch_engine import TorchEngine
from samara.errors import SettingsError


def test_predictors_share_the_engine(mini):
    assert isinstance(open_engine(mini), TorchEngine)
    assert samara.Predictor(mini).engine is samara.AutomaticMaskGenerator(mini).predictor.engine
    assert open_engine(dataclasses.replace(mini)) is not open_engine(mini)


def test_unknown_engines_are_refused(mini):
    with pytest.raises(SettingsError, match="no engine 'abacus'"):
        open_engine(dataclasses.replace(mini, engine="abacus"))
