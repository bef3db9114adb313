"""kelp-coverage 2.0.1: slices of an image through the encoder as one batch, points per slice."""

import numpy as np
from kelp_coverage.sahisam import SAHISAM


def run(files):
    model = SAHISAM(files.checkpoint, "vit_b", device="cpu", slice_size=512, water_lab=(120, 128, 128))
    slices = [np.tile(files.pixels, (3, 2, 1))[:512, :512], np.tile(files.pixels[::-1], (3, 2, 1))[:512, :512]]
    outputs = model._manual_batch_predict(slices, [np.array([[160, 120], [300, 300]]), np.array([[50, 60]])])
    return {
        "logits": np.array([logits.numpy() for logits, _ in outputs]),
        "iou": np.array([float(i) for _, i in outputs]),
    }
