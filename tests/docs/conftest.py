"""What users do, done once for all tests of what they then see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.measurement.evaluation.conftest import write_coco

WALKS = Path(__file__).parent / "walks"


class Walk:
    """A folder in which a script of commands was run, with what it printed."""

    def __init__(self, folder, script):
        self.folder = folder
        commands = folder / "bin"
        commands.mkdir()
        samara = commands / "samara"
        samara.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m samara "$@"\n')
        samara.chmod(0o755)
        environment = {
            **os.environ,
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "SAMARA_HOME": str(folder / "home"),
            "COLUMNS": "80",
        }
        done = subprocess.run(
            ["sh", str(WALKS / script)], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        self.printed, self.told = done.stdout, done.stderr


def _make_hard(images):
    """Leave little of the contrast, so that no checkpoint is right about everything."""
    noise = np.random.default_rng(0)
    for path in sorted(images.iterdir()):
        with Image.open(path) as image:
            faint = 0.15 * np.asarray(image) + noise.normal(90, 12, (image.height, image.width, 3))
        Image.fromarray(faint.clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="session")
def researcher(tmp_path_factory):
    """The walk of a researcher with twenty images, twelve to train on."""
    folder = tmp_path_factory.mktemp("researcher")
    whole = json.loads(write_coco(folder / "cells", ["dish"] * 20, seed=3).read_text())
    _make_hard(folder / "cells" / "images")
    for name, images in (("train", whole["images"][:12]), ("test", whole["images"][12:])):
        ids = {image["id"] for image in images}
        chosen = [one for one in whole["annotations"] if one["image_id"] in ids]
        part = whole | {"images": images, "annotations": chosen}
        (folder / "cells" / f"{name}.json").write_text(json.dumps(part))
    return Walk(folder, "researcher.sh")
