"""A YOLO export in Ultralytics' own hands: it finds the data set from any folder, and trains with it.

Ultralytics needs torchvision, and so an environment of its own:

    python3 -m venv peer && peer/bin/pip install torch torchvision ultralytics
    SAMARA_ULTRALYTICS_PYTHON=peer/bin/python python -m pytest -m slow tests/datasets/test_ultralytics.py
"""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest
from PIL import Image

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.split import Split
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.yolo import YoloWriter
from tests.masks.test_mask_set import mask_set, rectangle

PYTHON = os.environ.get("SAMARA_ULTRALYTICS_PYTHON")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="set SAMARA_ULTRALYTICS_PYTHON to a Python that has ultralytics"),
]

NAMES = ("men's shoe", "C#", "yes", "1", "a: b", "Straße ☃")
SIDE = 64
TRAINED = """
import json, sys, warnings
warnings.simplefilter("ignore")
from ultralytics import YOLO
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset

data = check_det_dataset(sys.argv[1], autodownload=False)
found = {}
for part in ("train", "val"):
    labels = YOLODataset(img_path=data[part], data=data, task="segment", imgsz=64, augment=False).get_labels()
    found[part] = {one["im_file"]: [one["cls"].ravel().tolist(), len(one["segments"])] for one in labels}
network = YOLO("yolov8n-seg.yaml")  # random weights: nothing is downloaded
network.train(data=sys.argv[1], imgsz=64, epochs=1, batch=2, device="cpu", workers=0, amp=False, plots=False)
print("\\n" + json.dumps({"names": data["names"], "found": found, "metrics": network.trainer.metrics}))
"""


def data_set(folder, **options):
    """Twelve images of rectangles, exported; what is in each."""
    expected = {}
    with YoloWriter(folder / "yolo", WriterOptions(images="link", **options)) as writer:
        for number in range(12):
            masks = [rectangle(4 + number, 6, 40, 30, (SIDE, SIDE)), rectangle(10, 34, 60, 50 + number, (SIDE, SIDE))]
            name = f"images/set {number % 2}/{number}.png"  # Ultralytics looks for labels by this very word
            path = folder / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.uint8(np.any(masks, 0) * 200)).convert("RGB").save(path)
            categories = (NAMES[number % 6], NAMES[(number + 1) % 6])
            writer.add(AnnotatedImage(name, mask_set(masks), number + 1, categories=categories, path=path))
            expected[number] = [NAMES.index(name) for name in categories]
    return expected


def trained(folder, elsewhere):
    """What Ultralytics makes of it, started in another folder."""
    config = folder / "config"
    config.mkdir()
    for font in ("Arial.ttf", "Arial.Unicode.ttf"):
        (config / font).touch()  # it would fetch them for images that nobody asked for
    environment = os.environ | {"YOLO_CONFIG_DIR": str(config), "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
    environment.pop("PYTHONPATH", None)
    command = [PYTHON, "-c", TRAINED, os.path.relpath(folder / "yolo" / "data.yaml", elsewhere)]
    done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("split", [None, Split(train=0.7, val=0.3)], ids=str)
def test_it_trains_from_another_folder(tmp_path, split):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    expected = data_set(tmp_path, categories=NAMES, split=split)
    told = trained(tmp_path, elsewhere)
    assert list(told["names"].values()) == list(NAMES)
    found = [
        {int(os.path.basename(image).partition(".")[0]): classes for image, (classes, _) in told["found"][part].items()}
        for part in ("train", "val")
    ]
    assert found[0] | found[1] == expected
    assert all(outlines == 2 for part in ("train", "val") for _, outlines in told["found"][part].values())
    if split is None:
        assert found[0] == found[1]
    else:
        assert not found[0].keys() & found[1].keys()
        assert found[1]
    assert all(np.isfinite(list(told["metrics"].values())))
