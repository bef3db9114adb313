"""What an engineer with photos types first, as a script that runs from beginning to end."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from samara.checkpoints.catalogue import find
from samara.checkpoints.store.store import CheckpointStore

HERE = Path(__file__).parent


@pytest.fixture
def place(tmp_path):
    """A folder with photos, and `samara` as a command."""
    rng = np.random.default_rng(0)
    for name in ("a.png", "trip/a.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 60, (40, 60, 3), dtype=np.uint8)
        pixels[10:30, 20:45] += 150
        Image.fromarray(pixels).save(path)
    command = tmp_path / "bin" / "samara"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m samara "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return tmp_path


@pytest.mark.slow
def test_an_engineer_with_photos(place):
    environment = os.environ | {
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "SAMARA_HOME": str(place / "store"),
        "SAMARA_MINI": str(CheckpointStore().path(find("samara_mini"))),
    }
    script = ["bash", str(HERE / "walks" / "engineer.sh")]
    walked = subprocess.run(script, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert walked.returncode == 0, walked.stdout + walked.stderr
    assert "photos/a.png: 1 mask by samara_mini (Apache-2.0), drawn in first/overlays/a.png" in walked.stdout
    coco = COCO(str(place / "all" / "annotations.json"))
    labels = np.asarray(Image.open(place / "all" / "labels" / "trip" / "a.png"))
    (entry,) = [image for image in coco.imgs.values() if image["results"] == "trip/a"]
    annotations = coco.loadAnns(coco.getAnnIds(entry["id"]))
    assert labels.max() <= len(annotations)
    for row in annotations:
        mask = np.asarray(Image.open(place / "all" / "masks" / "trip" / "a" / f"{row['id']}.png"))
        np.testing.assert_array_equal(mask, 255 * coco.annToMask(row))
    assert len(json.loads((place / "first" / "annotations.json").read_text())["images"]) == 2


def test_the_python_of_the_page_runs_as_pasted(place, monkeypatch):
    monkeypatch.chdir(place)
    (place / "examples").symlink_to(HERE.parents[1] / "examples")
    pytest.importorskip("matplotlib").use("agg")
    page = (HERE.parents[1] / "docs" / "segmenting.md").read_text()
    exec(page.partition("```python\n")[2].partition("```")[0], {})
    assert (place / "dog-files" / "cutouts" / "dog" / "1.png").is_file()
    assert (place / "dog-masks" / "labels" / "dog.png").is_file()
