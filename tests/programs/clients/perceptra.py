"""perceptra-seg 0.2.1: its SAM 1 backend, prompts one by one and in batches."""

import numpy as np
from perceptra_seg.backends.torch_sam_v1 import TorchSAMv1Backend
from perceptra_seg.config import SegmentorConfig


def run(files):
    backend = TorchSAMv1Backend(
        SegmentorConfig.from_dict({"model": {"encoder_variant": "vit_b", "checkpoint_path": files.checkpoint}})
    )
    backend.load()
    image, box = files.pixels, (60, 20, 260, 230)
    boxed, score = backend.infer_from_box(image, box)
    pointed, point_score = backend.infer_from_points(image, [(160, 120, 1), (10, 10, 0)])
    batch, scores = backend.infer_from_boxes_batch(image, [box, (0, 0, 100, 100)])
    clicks, click_scores = backend.infer_from_points_batch(image, [[(160, 120, 1)], [(30, 30, 1), (200, 200, 1)]])
    return {
        "masks": np.array([boxed, pointed, *batch, *clicks]).astype(bool),
        "scores": np.array([score, point_score, *scores, *click_scores]),
    }
