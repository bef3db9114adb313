"""What users do, done once for all tests of what they then see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samara.masks.rle import Rle
from tests.measurement.evaluation.conftest import SIZE, write_coco

WALKS = Path(__file__).parent / "walks"


class Walk:
    """A folder in which a script of commands was run, with what it printed; `programs` become commands of its own."""

    def __init__(self, folder, script, programs=()):
        self.folder = folder
        commands = folder / "bin"
        commands.mkdir()
        for name, arguments in [("samara", "-m samara"), *((path.stem, f'"{path}"') for path in programs)]:
            command = commands / name
            command.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            command.chmod(0o755)
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


@pytest.fixture(scope="session")
def data_team(tmp_path_factory):
    """The walk of a data team with six images and a box around each of their objects."""
    folder = tmp_path_factory.mktemp("data-team")
    truth = write_coco(folder / "parts", ["bench"] * 6, seed=5)
    document = json.loads(truth.read_text())
    for one in document["annotations"]:
        x0, y0, x1, y1 = Rle(*SIZE, one.pop("segmentation")["counts"].encode()).box_xyxy
        one["bbox"] = [x0, y0, x1 - x0, y1 - y0]
    (folder / "parts" / "boxes.json").write_text(json.dumps(document))
    truth.unlink()
    images, elsewhere = folder / "parts" / "images", folder / "elsewhere"
    elsewhere.mkdir()
    shutil.move(images / "bench_4.png", elsewhere)
    shutil.copy(images / "bench_5.png", elsewhere)
    (images / "bench_5.png").write_bytes((elsewhere / "bench_5.png").read_bytes()[:200])
    return Walk(folder, "data_team.sh", [WALKS / "people.py"])
