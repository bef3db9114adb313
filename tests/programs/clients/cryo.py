"""cryo-sam 0.0.82: everything mode, then its own filters of the boxes."""

import numpy as np
from cryo_sam import Csam


def run(files):
    settings = {"points_per_side": 5, "pred_iou_thresh": 0.3, "stability_score_thresh": 0.4}
    model = Csam("vit_b", files.checkpoint, "cpu", settings)
    results = model.square_finder(files.pixels, pixel_size=1.0, upper_size=1e9, lower_size=0)
    return {"bbox": np.array(sorted(results.bounding_boxes), dtype=float)}
