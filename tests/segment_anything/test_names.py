"""Every name, argument and attribute of the official packages exists here, and takes what it takes there."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

import pytest

from tests.segment_anything.describe import _own, arguments, describe, tiny

OFFICIAL = json.loads((Path(__file__).parent / "official.json").read_text())
PACKAGES = list(OFFICIAL)
NAMES = [
    (package, module, name)
    for package, facts in OFFICIAL.items()
    for module, names in facts["modules"].items()
    for name in names
]
# None stands for what suits the checkpoint, which is the official number for the official checkpoints.
OTHER_DEFAULTS = {("pred_iou_thresh", "0.88"), ("stability_score_thresh", "0.95")}


@pytest.mark.parametrize(("package", "module", "name"), NAMES, ids=lambda part: part or "top")
def test_every_name_takes_the_official_arguments(package, module, name):
    ours = getattr(importlib.import_module(f"samara.{package}{module}"), name)
    wanted = OFFICIAL[package]["modules"][module][name]
    if "registry" in name:
        assert set(wanted) <= set(ours)
    elif isinstance(wanted, dict):
        for method, its_arguments in wanted.items():
            check(its_arguments, arguments(getattr(ours, method)), f"{name}.{method}")
    elif wanted is not None:
        check(wanted, arguments(ours), name)
    else:
        assert callable(ours)


def check(wanted, found, where):
    """Whatever the official arguments can be called with, ours can; what ours has besides may be left out."""
    by_name = {name: (kind, default) for name, kind, default in found}
    positional = [name for name, kind, _ in found if kind == "POSITIONAL_OR_KEYWORD"]
    takes_any = {kind for _, kind, _ in found}
    for index, (name, kind, default) in enumerate(wanted):
        if kind.startswith("VAR_"):
            assert kind in takes_any, f"{where} takes any arguments"
            continue
        if kind == "POSITIONAL_OR_KEYWORD":
            assert positional[index : index + 1] == [name], f"{where}: {name} is argument {index}"
        assert name in by_name, f"{where} takes {name}"
        if default is not None:
            assert by_name[name][1] == default or (name, default) in OTHER_DEFAULTS, f"{where}: default of {name}"
    official = {name for name, _, _ in wanted}
    for name, (kind, default) in by_name.items():
        assert name in official or default is not None or kind.startswith("VAR_"), f"{where} does not demand {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_instances_have_the_official_attributes(package):
    module = importlib.import_module(f"samara.{package}")
    sam = tiny(f"samara.{package}")
    roots = {
        "sam": sam,
        "predictor": module.SamPredictor(sam),
        "generator": module.SamAutomaticMaskGenerator(sam),
    }
    for path, names in OFFICIAL[package]["attributes"].items():
        root, _, rest = path.partition(".")
        part = roots[root].get_submodule(rest) if rest else roots[root]
        missing = {name for name in names if not hasattr(part, name)}
        assert not missing, f"{path} has no {missing}"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_facts_are_those_of_the_official_package(package):
    official = pytest.importorskip(package, reason="the official package is not installed")
    if "samara" in official.__name__:  # pragma: no cover - a stand-in was left behind
        pytest.fail("install() was not undone")
    assert json.loads(json.dumps(describe(package))) == OFFICIAL[package]


def test_helpers_see_what_they_should():
    assert arguments(lambda a, b=1: None) == [["a", "POSITIONAL_OR_KEYWORD", None], ["b", "POSITIONAL_OR_KEYWORD", "1"]]
    with pytest.raises(AssertionError, match="takes c"):
        check([["c", "KEYWORD_ONLY", None]], [["a", "POSITIONAL_OR_KEYWORD", "1"]], "f")
    with pytest.raises(AssertionError, match="does not demand a"):
        check([], [["a", "POSITIONAL_OR_KEYWORD", None]], "f")
    assert inspect.isfunction(_own)
