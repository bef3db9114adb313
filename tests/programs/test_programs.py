"""Public programs give the same masks on samara's drop-in as on the original packages.

Each module of `clients/` uses one program (or code like a public one) through its own interface. It runs twice, in the
environment of README.md: on the original packages, and with their names meaning samara. Both have the same
weights.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.programs.files import make

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CLIENTS = sorted(path.stem for path in (HERE / "clients").glob("[a-z]*.py"))
PYTHON = os.environ.get("SAMARA_PROGRAMS_PYTHON")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="set SAMARA_PROGRAMS_PYTHON to the interpreter of tests/programs/README.md"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    make(folder)
    return folder


def run(side, client, folder):
    out = folder / f"{client}.{side}.npz"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "2", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [PYTHON, "-W", "ignore", HERE / "run.py", side, client, folder, out]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{client} on {side}: {done.stderr[-3000:]}"
    with np.load(out) as results:
        return dict(results)


def overlap(first, second):
    """Intersection over union of each pair of masks (..., H, W); two empty ones agree."""
    both, either = (first & second).sum((-2, -1)), (first | second).sum((-2, -1))
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def allowed(name, official):
    """How far numbers may be apart."""
    if name == "bbox":
        return 1.0  # samara's boxes are COCO-exact, the original's a pixel smaller (see `samara.segment_anything`)
    size = np.abs(official.astype(float))
    return 0.05 * size.max(initial=1) if name.endswith("rough") else 2e-3 + 1e-3 * size


def differences(name, official, ours):
    """What is told when a result differs, in one sentence each."""
    if official.shape != ours.shape:
        return f"{name}: shape {official.shape} and {ours.shape}"
    if name.startswith("every"):  # records may come in another order
        table = overlap(official[:, None], ours[None])
        worst = min(table.max(axis=0).min(initial=1), table.max(axis=1).min(initial=1))
        return None if worst > 0.999 else f"{name}: a mask without its like, IoU {worst:.4f}"
    if official.dtype == bool and official.ndim >= 2:
        worst = overlap(official, ours).min(initial=1)
        return None if worst > 0.999 else f"{name}: IoU {worst:.4f}"
    if official.dtype.kind in "fiu":
        apart = np.abs(official.astype(float) - ours.astype(float))
        return None if (apart <= allowed(name, official)).all() else f"{name}: {apart.max():.3g} apart"
    return None if np.array_equal(official, ours) else f"{name}: {official} and {ours}"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_program_gives_the_same_on_the_drop_in(client, folder):
    official, ours = run("official", client, folder), run("samara", client, folder)
    assert official
    assert official.keys() == ours.keys()
    told = [differences(name, official[name], ours[name]) for name in official]
    assert [text for text in told if text] == []
