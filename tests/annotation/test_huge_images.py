"""An image of 20,000 × 20,000 pixels within 4 GB, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SIDE = 20_000
MAX_BYTES = 4_000_000_000

MAKE = """
import sys
import numpy as np
from PIL import Image
side, path = int(sys.argv[1]), sys.argv[2]
y, x = np.mgrid[:1000, :1000]
tile = np.full((1000, 1000, 3), 60, np.uint8)
tile[(x - 480) ** 2 + (y - 500) ** 2 < 300 ** 2] = (230, 200, 90)  # discs that cross the edges of tiles
Image.fromarray(np.tile(tile, (side // 1000, side // 1000, 1))).save(path)
"""

ANNOTATE = """
import json, sys
from pathlib import Path
import torch
from samara.annotation.run.tiles import tiles_of
from samara.annotation.carry_out import AnnotationRun, carry_out
from samara.annotation.run.job import AnnotationJob
from samara.checkpoints.choice import Choice
from samara.annotation.run.settings import AnnotationSettings, Cleaning
from samara.annotation.inputs.sources import open_source
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.measurement.benchmarking.memory import peak_resident_bytes
torch.set_num_threads(1)
settings = AnnotationSettings(
    automatic=AutomaticSettings(points_per_side=2), cleaning=Cleaning(min_area=1000), tile=2048, tile_overlap=128
)
job = AnnotationJob(choice=Choice(device="cpu"), settings=settings, source=open_source([sys.argv[1]]))
outcome = carry_out(job, AnnotationRun(out=Path(sys.argv[2])))
(row,) = outcome.store.masks()
boxes = row.masks.boxes_xyxy
tiles = [tile.box_xyxy for tile in tiles_of(row.masks.size_hw, 2048, 128)]
def is_in_a_tile(box):
    return any(x0 <= box[0] and y0 <= box[1] and box[2] <= x1 and box[3] <= y1 for x0, y0, x1, y1 in tiles)
print(json.dumps({
    "peak": peak_resident_bytes(),
    "size": row.masks.size_hw,
    "masks": len(row.masks),
    "joined": sum(not is_in_a_tile(box) for box in boxes),
    "seconds": outcome.seconds,
    "hash": row.image.difference_hash,
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["huge.jpg", "huge.tif"])
def test_a_huge_image_fits_into_four_gigabytes(tmp_path, name):
    path = tmp_path / name
    subprocess.run([sys.executable, "-c", MAKE, str(SIDE), path], check=True)
    command = [sys.executable, "-c", ANNOTATE, path, tmp_path / "out"]
    done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(done)
    assert done["size"] == [SIDE, SIDE]
    assert done["masks"] > 100
    assert done["joined"] > 0  # no tile holds them alone
    # Its own peak: `getrusage` would begin with that of the process that runs the tests.
    assert done["peak"] < MAX_BYTES
    if name.endswith(".tif"):  # read by windows: no more than some tiles at a time
        assert done["hash"] is None
        assert done["peak"] < 1_500_000_000
