"""segment_anything_hq 0.3: predictor and everything mode of a ViT-t, the HQ mask alone and with SAM's."""

import numpy as np
import torch
from clients.lora import numbered
from files import stacked
from segment_anything_hq import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry
from segment_anything_hq.build_sam import build_sam_vit_t


def run(files):
    sam = build_sam_vit_t()
    numbered(sam)  # and what it shares with SAM is samara_mini's
    sam.load_state_dict(torch.load(files.checkpoint, weights_only=True), strict=False)
    torch.save(sam.state_dict(), files.work / "hq.pth")
    sam = sam_model_registry["vit_tiny"](checkpoint=str(files.work / "hq.pth"))
    sam.to(device="cpu").train(False)
    predictor = SamPredictor(sam)
    predictor.set_image(files.pixels)
    point, label = np.array([[160, 120]]), np.array([1])
    results = {}
    for only in (False, True):
        for several in (False, True):
            masks, scores, logits = predictor.predict(
                point_coords=point, point_labels=label, multimask_output=several, hq_token_only=only
            )
            name = f"{'hq' if only else 'both'}_{'best' if several else 'single'}"
            results |= {f"{name}_mask": masks, f"{name}_scores": scores, f"{name}_logits": logits}
    boxes = predictor.transform.apply_boxes_torch(torch.tensor([[60.0, 20, 260, 230], [0, 0, 90, 90]]), (240, 320))
    batch, _, _ = predictor.predict_torch(None, None, boxes=boxes, multimask_output=False, hq_token_only=False)
    generator = SamAutomaticMaskGenerator(sam, points_per_side=2, pred_iou_thresh=-9, stability_score_thresh=0.0)
    everything = stacked(generator.generate(files.pixels))
    return results | {
        "batch": batch.numpy(),
        "every_mask": everything["every_mask"],
        "keys": np.array(sorted(sam.state_dict())),
    }
