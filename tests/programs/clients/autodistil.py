"""autodistill-segment-anything and -grounded-sam: loading from the home folder, supervision."""

import importlib
import os
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import torch


def run(files):
    cache = files.work / ".cache" / "autodistill" / "segment_anything"
    cache.mkdir(parents=True)
    shutil.copy(files.checkpoint, cache / "sam_vit_h_4b8939.pth")
    os.environ["HOME"] = str(files.work)
    # The detectors are no part of this, and their packages cannot be installed here.
    for name in ("groundingdino", "groundingdino.util", "groundingdino.util.inference"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["groundingdino.util.inference"].Model = object
    grounded = importlib.import_module("autodistill_grounded_sam.helpers")
    predictor = grounded.load_SAM()
    predictor.set_image(files.pixels)
    masks, scores, _ = predictor.predict(box=np.array([60, 20, 260, 230]), multimask_output=False)
    model = importlib.import_module("autodistill_segment_anything").SegmentAnything(None)
    model.predictor.point_grids = [np.array([[0.5, 0.5], [0.2, 0.2], [0.8, 0.7]])]
    model.predictor.pred_iou_thresh = model.predictor.stability_score_thresh = 0.3
    detections = model.predict(files.image)
    assert Path(cache).exists()
    assert torch.is_tensor(predictor.features)
    return {"masks": masks, "scores": scores, "every_mask": detections.mask, "count": len(detections)}
