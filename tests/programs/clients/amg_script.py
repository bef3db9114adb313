"""What the official `scripts/amg.py` does: run-length encoded output, crops, a folder of masks and a CSV."""

import cv2
import numpy as np
from pycocotools import mask as coco

from segment_anything import SamAutomaticMaskGenerator, sam_model_registry


def columns(records):
    """The rows of its `metadata.csv`."""
    for i, record in enumerate(records):
        yield [
            i,
            record["area"],
            *record["bbox"],
            *record["point_coords"][0],
            record["predicted_iou"],
            record["stability_score"],
            *record["crop_box"],
        ]


def run(files):
    sam = sam_model_registry["default"](checkpoint=files.checkpoint)
    _ = sam.to(device="cpu")
    given = {
        "points_per_side": 4,
        "points_per_batch": 5,
        "pred_iou_thresh": 0.4,
        "stability_score_thresh": 0.5,
        "stability_score_offset": 0.8,
        "box_nms_thresh": 0.6,
        "crop_n_layers": 1,
        "crop_nms_thresh": 0.6,
        "crop_overlap_ratio": 0.3,
        "crop_n_points_downscale_factor": 2,
        "min_mask_region_area": 40,
    }
    image = cv2.cvtColor(cv2.imread(files.image), cv2.COLOR_BGR2RGB)
    results = {}
    for mode in ("binary_mask", "coco_rle", "uncompressed_rle"):
        records = SamAutomaticMaskGenerator(sam, output_mode=mode, **given).generate(image)
        if mode == "binary_mask":
            masks = [record["segmentation"] for record in records]
            rows = np.array(list(columns(records)), dtype=float)
            order = np.lexsort(rows[:, [1, 8]].T.round(3))
            rows = rows[order]
            results["bbox"] = rows[:, 2:6]
            results["row"] = np.delete(rows, [0, 2, 3, 4, 5], axis=1)
            results["keys"] = np.array(sorted(records[0]))
            results["types"] = np.array([f"{name}:{type(records[0][name]).__name__}" for name in sorted(records[0])])
        elif mode == "coco_rle":
            masks = [coco.decode(record["segmentation"]).astype(bool) for record in records]
        else:
            masks = [coco.decode(coco.frPyObjects(r["segmentation"], *r["segmentation"]["size"])) for r in records]
            masks = [mask.astype(bool) for mask in masks]
        results[f"every_{mode}"] = np.array(masks)
    return results
