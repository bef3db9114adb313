"""sam-annotator 0.1.1: its predictor with a cache of predictions."""

import numpy as np
from sam_annotator.core.predictor import SAM1Predictor


def run(files):
    predictor = SAM1Predictor("vit_b")
    predictor.initialize(files.checkpoint)
    predictor.set_image(files.pixels)
    first = predictor.predict(np.array([[160, 120]]), np.array([1]))
    second = predictor.predict(box=np.array([60, 20, 260, 230]), multimask_output=False)
    return {"masks": np.concatenate([first[0], second[0]]), "scores": np.concatenate([first[1], second[1]])}
