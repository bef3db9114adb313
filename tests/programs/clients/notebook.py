"""What Meta's two notebooks do: points, boxes, a mask again, a batch of boxes, everything mode."""

import numpy as np
import torch
from files import stacked

from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry


def run(files):
    sam = sam_model_registry["vit_h"](checkpoint=files.checkpoint)
    sam.to(device="cpu")
    predictor = SamPredictor(sam)
    predictor.set_image(files.pixels)
    point, label = np.array([[160, 120]]), np.array([1])
    masks, scores, logits = predictor.predict(point_coords=point, point_labels=label, multimask_output=True)
    again, _, _ = predictor.predict(
        point_coords=np.array([[160, 120], [40, 200]]),
        point_labels=np.array([1, 0]),
        mask_input=logits[np.argmax(scores), :, :][None, :, :],
        multimask_output=False,
    )
    boxed, _, _ = predictor.predict(
        point_coords=point, point_labels=np.array([0]), box=np.array([60, 20, 260, 230]), multimask_output=False
    )
    boxes = torch.tensor([[60, 20, 260, 230], [0, 0, 100, 100], [150, 100, 319, 239]], device=predictor.device)
    transformed = predictor.transform.apply_boxes_torch(boxes, files.pixels.shape[:2])
    batch, iou, _ = predictor.predict_torch(
        point_coords=None, point_labels=None, boxes=transformed, multimask_output=False
    )
    generator = SamAutomaticMaskGenerator(
        model=sam, points_per_side=8, pred_iou_thresh=0.6, stability_score_thresh=0.7, min_mask_region_area=20
    )
    embedding = predictor.get_image_embedding()
    return stacked(generator.generate(files.pixels)) | {
        "masks": masks,
        "scores": scores,
        "logits": logits,
        "again": again,
        "boxed": boxed,
        "batch": batch.numpy(),
        "batch_iou": iou.numpy(),
        "embedding": embedding.numpy(),
    }
