"""samtool 0.0.2: its `Sam` predicts from a prompt and, without one, everything."""

from pathlib import Path

import numpy as np
from files import stacked
from samtool.main import Sam


def run(files):
    tool = Sam(Path(files.checkpoint))
    image = tool.read_image(Path(files.image))
    masks, scores, logits = tool.predict(image, [np.array([[160, 120]]), np.array([1]), None, None, True])
    tool.mask_generator.point_grids = tool.mask_generator.point_grids[0][::97][None]
    tool.mask_generator.pred_iou_thresh = 0.5
    everything, _, _ = tool.predict(image)
    return stacked(everything) | {"masks": masks, "scores": scores, "logits": logits}
