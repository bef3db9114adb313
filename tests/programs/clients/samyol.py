"""SAMYOL 1.0.9: a detector's boxes, the best of three masks each."""

import numpy as np
from SAMYOL import sam_inference


def run(files):
    sam_inference.download_model_weights = lambda kind: ("vit_b", files.checkpoint)  # no network here
    boxes = ([60, 20, 260, 230], [0, 0, 100, 100])
    found = [{"image_id": 0, "bbox": box, "class_id": 1, "class_label": "dog"} for box in boxes]
    predictions = sam_inference.SAM.predict_from_Meta("base", [files.pixels], found, "cpu")[0]
    return {"masks": np.array(predictions["masks"]), "scores": np.array(predictions["score"])}
