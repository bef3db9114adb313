"""FiftyOne 1.22: its zoo's SAM: entry points by name, prompts as double precision tensors, masks into detections."""

import eta.core.utils as etau
import fiftyone.utils.sam as zoo
import numpy as np
import torch
from files import stacked

from segment_anything import build_sam, sam_model_registry


def run(files):
    assert etau.get_function("segment_anything.build_sam.build_sam_vit_b")
    assert callable(build_sam)
    sam = sam_model_registry["vit_b"](checkpoint=files.checkpoint)
    predictor = zoo._SAMPredictor(sam)
    assert not predictor.valid_image("dog")
    predictor.set_image(files.image, "dog")
    assert predictor.valid_image("dog")
    shape = predictor.original_size
    boxes = predictor.box_transform(np.array([[60.2, 20.7, 260, 230], [0, 0, 100, 100]]), shape)
    boxed = predictor.predict(boxes=boxes)
    points, labels = predictor.point_transform([[0.5, 0.5], [0.1, 0.9]], shape, [1, 0])
    pointed = predictor.predict(point_coords=points[None], point_labels=labels[None], multimask_output=True)
    output = [{"masks": pointed[0], "iou_predictions": pointed[1]}]
    found = zoo.SAMSegmenterOutputProcessor()(output, [shape])[0].detections
    image, original = predictor.image_transform(files.pixels)
    with torch.no_grad():
        given = [{"image": image[0], "original_size": original, "boxes": boxes}]
        batch = sam(given, multimask_output=False)[0]
    generator = zoo.sam.SamAutomaticMaskGenerator(
        sam, points_per_side=3, pred_iou_thresh=0.4, stability_score_thresh=0.4
    )
    predictor.reset_image()
    return stacked(generator.generate(files.pixels)) | {
        "boxed": boxed[0].numpy(),
        "pointed": pointed[0].numpy(),
        "confidence": np.array([detection.confidence for detection in found]),
        "inside": np.array([detection.mask.sum() for detection in found]),
        "batch": batch["masks"].numpy(),
        "batch_logits": batch["low_res_logits"].numpy(),
        "valid": int(predictor.valid_image("dog")),
    }
