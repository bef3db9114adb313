"""`SAM2AutomaticMaskGenerator` as the notebooks of `sam2` call it, with every way of finding masks; order counts."""

import numpy as np
from clients.sam2_images import CONFIG, filled
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.build_sam import build_sam2
from sam2.utils.amg import rle_to_mask

LOOSE = {  # the masks of a random network lie over one another
    "points_per_side": 3,
    "pred_iou_thresh": 0.6,
    "stability_score_thresh": 0.5,
    "stability_score_offset": 0.5,
    "box_nms_thresh": 1.0,
}
WAYS = {
    "plain": {"points_per_batch": 5},
    "single": {"multimask_output": False, "stability_score_thresh": 0.7},
    "refined": {"use_m2m": True, "points_per_batch": 6, "pred_iou_thresh": 0.79},
    "refined_single": {"use_m2m": True, "multimask_output": False, "stability_score_thresh": 0.7},
    "threshold": {"mask_threshold": 5.0, "stability_score_thresh": 0.05, "box_nms_thresh": 0.85},
    "unfiltered": {"points_per_side": 2, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0},
    "run_lengths": {"output_mode": "uncompressed_rle", "points_per_side": 2},
    "coco": {"output_mode": "coco_rle", "points_per_side": 2},
    "grids": {"points_per_side": None, "point_grids": [np.array([[0.2, 0.3], [0.6, 0.71]])]},
}
CROPS = {  # a high threshold: what a crop cuts off does not count
    "points_per_side": 2,
    "crop_n_layers": 1,
    "crop_overlap_ratio": 0.8,
    "crop_nms_thresh": 0.9,
    "mask_threshold": 11.0,
    "stability_score_thresh": 0.05,
}


def told(name, records):
    """The records in their order."""
    masks = [record["segmentation"] for record in records]
    if name == "run_lengths":
        masks = [rle_to_mask(mask) for mask in masks]
    if name == "coco":
        from pycocotools.mask import decode

        masks = [decode(mask).astype(bool) for mask in masks]
    columns = ("area", "predicted_iou", "stability_score", "point_coords", "crop_box")
    found = {f"{name}_{column}": np.array([record[column] for record in records], dtype=float) for column in columns}
    found[f"{name}_area_rough"] = found.pop(f"{name}_area")  # a pixel where a logit is next to the threshold
    boxes = np.array([record["bbox"] for record in records], dtype=float)
    return found | {f"{name}_masks": np.array(masks, dtype=bool), f"{name}_corners": boxes[:, :2]}


def run(files):
    model = filled(build_sam2(CONFIG, device="cpu"))
    results = {}
    for name, way in (WAYS | {"crops": CROPS}).items():
        records = SAM2AutomaticMaskGenerator(model, **LOOSE | way).generate(files.pixels)
        assert len(records) > 1, f"{name}: {len(records)} masks show nothing"
        results |= told(name, records)
    generator = SAM2AutomaticMaskGenerator(model)
    names = ("pred_iou_thresh", "stability_score_thresh", "box_nms_thresh", "points_per_batch", "mask_threshold")
    return results | {"defaults": np.array([getattr(generator, name) for name in names])}
