"""Grounded-SAM: a detector's boxes through `predict_torch`; supervision's `from_sam` reads the records."""

import numpy as np
import supervision as sv
import torch
from files import stacked

from segment_anything import SamAutomaticMaskGenerator, SamPredictor, build_sam
from segment_anything import sam_model_registry as registry


def segment(predictor, image, xyxy):
    """The loop that Grounded-SAM's, lang-sam's and autodistill's notebooks share."""
    predictor.set_image(image)
    found = []
    for box in xyxy:
        masks, scores, _ = predictor.predict(box=box, multimask_output=True)
        found.append(masks[np.argmax(scores)])
    return np.array(found)


def run(files):
    assert callable(build_sam)
    sam = registry["vit_l"](files.checkpoint).to(torch.device("cpu"))
    predictor = SamPredictor(sam)
    image = files.pixels
    predictor.set_image(image, "RGB")
    height, width, _ = image.shape
    boxes_filt = torch.tensor([[0.5, 0.5, 0.6, 0.8], [0.2, 0.3, 0.3, 0.4]])
    for i in range(boxes_filt.size(0)):
        boxes_filt[i] = boxes_filt[i] * torch.Tensor([width, height, width, height])
        boxes_filt[i][:2] -= boxes_filt[i][2:] / 2
        boxes_filt[i][2:] += boxes_filt[i][:2]
    transformed = predictor.transform.apply_boxes_torch(boxes_filt.cpu(), image.shape[:2]).to("cpu")
    masks, scores, logits = predictor.predict_torch(
        point_coords=None, point_labels=None, boxes=transformed.to("cpu"), multimask_output=False
    )
    none, _, _ = predictor.predict_torch(
        point_coords=None,
        point_labels=None,
        boxes=predictor.transform.apply_boxes_torch(torch.zeros(1, 4), image.shape[:2]),
        multimask_output=False,
    )
    detections = sv.Detections(xyxy=np.array([[60.0, 20, 260, 230], [10, 10, 90, 90]]))
    detections.mask = segment(predictor, image[:, :, ::-1][:, :, ::-1], detections.xyxy)
    generator = SamAutomaticMaskGenerator(sam, points_per_side=4, pred_iou_thresh=0.4, stability_score_thresh=0.5)
    records = generator.generate(image)
    everything = sv.Detections.from_sam(sam_result=records)
    return stacked(records) | {
        "masks": masks.numpy(),
        "scores": scores.numpy(),
        "logits": logits.numpy(),
        "none": none.numpy(),
        "boxed": detections.mask,
        "count": len(everything),
    }
