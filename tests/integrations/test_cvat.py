"""CVAT's own types and decoder accept what the functions return."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from samara.errors import MissingExtra, PromptError, SettingsError
from samara.integrations import cvat
from samara.system.extras import is_installed

PROGRAM = Path(__file__).parent / "cvat_program.py"
# The SDK may live in an environment of its own.
PYTHON = os.environ.get("SAMARA_CVAT_PYTHON") or (sys.executable if is_installed("cvat_sdk") else None)


@pytest.mark.skipif(PYTHON is None, reason="needs cvat-sdk, here or in the environment of SAMARA_CVAT_PYTHON")
def test_cvat_accepts_the_functions(dog):
    done = subprocess.run([PYTHON, str(PROGRAM), str(dog)], capture_output=True, text=True, check=False)
    assert done.stdout == "all checked\n", done.stderr


def test_prompts_are_put_together():
    prompt = cvat.prompt_of([(1, 2)], [(3, 4)], ((0, 0), (9, 9)))
    np.testing.assert_array_equal(prompt.points_xy, [[1, 2], [3, 4]])
    assert prompt.point_labels.tolist() == [1, 0]
    assert prompt.box_xyxy.tolist() == [0, 0, 9, 9]
    with pytest.raises(PromptError, match="empty"):
        cvat.prompt_of([], [], None)


@pytest.mark.skipif(is_installed("cvat_sdk"), reason="tells what happens without it")
def test_the_extra_is_named():
    with pytest.raises(MissingExtra, match=r"samara\[cvat\]"):
        cvat.create()


@pytest.mark.parametrize("wrong", [{"mode": "tracking"}, {"shape": "box"}])
def test_unknown_modes_are_refused(monkeypatch, wrong):
    monkeypatch.setattr(cvat, "require", lambda *_: None)
    with pytest.raises(SettingsError, match="is not accepted"):
        cvat.create(**wrong)
