"""Names, arguments and defaults of the official package, of what programs for images use."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

import pytest

from samara.networks.layers import MLP, LayerNorm2d
from samara.networks.sam2_mask_decoder import Sam2TwoWayTransformer
from samara.sam2.modeling import sam2_utils
from samara.sam2.modeling.sam import transformer
from samara.sam2.utils import amg
from samara.segment_anything.utils import amg as sams_amg
from tests.sam2.describe import describe
from tests.segment_anything.describe import arguments
from tests.segment_anything.test_names import check

OFFICIAL = json.loads((Path(__file__).parent / "official.json").read_text())
NAMES = [(module, name) for module, names in OFFICIAL.items() for name in names]
# A GPU where there is one, and a tuple that nobody can append to.
OTHER_DEFAULTS = {"device": "None"}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_name_takes_the_official_arguments(module, name):
    ours = getattr(importlib.import_module(f"samara.sam2.{module}"), name)
    wanted = OFFICIAL[module][name]
    if isinstance(wanted, dict):
        for method, its_arguments in wanted.items():
            check(named(its_arguments), arguments(getattr(ours, method)), f"{name}.{method}")
    elif wanted is not None and "video" not in name:
        check(named(wanted), arguments(ours), name)
    else:
        assert callable(ours)


def named(wanted):
    return [[name, kind, OTHER_DEFAULTS.get(name, default)] for name, kind, default in wanted]


def test_the_facts_are_those_of_the_official_package():
    official = pytest.importorskip("sam2", reason="the official package is not installed")
    if "samara" in official.__name__:  # pragma: no cover - a stand-in was left behind
        pytest.fail("install() was not undone")
    assert json.loads(json.dumps(describe())) == OFFICIAL


def test_layers_and_functions_are_samaras_own():
    assert (sam2_utils.MLP, sam2_utils.LayerNorm2d) == (MLP, LayerNorm2d)
    assert transformer.TwoWayTransformer is Sam2TwoWayTransformer
    for name in OFFICIAL["utils.amg"]:
        assert getattr(amg, name) is getattr(sams_amg, name)
    assert inspect.isclass(amg.MaskData)
