"""segment-geospatial 1.4.2 with HQ-SAM: `samgeo.hq_sam` on ViT-t's file, everything and prompts."""

import numpy as np
import torch
from clients.lora import numbered
from samgeo.hq_sam import SamGeo, SamGeoPredictor
from segment_anything_hq import sam_model_registry


def run(files):
    sam = sam_model_registry["vit_tiny"]()
    numbered(sam)
    sam.load_state_dict(torch.load(files.checkpoint, weights_only=True), strict=False)
    path = str(files.work / "hq.pth")
    torch.save(sam.state_dict(), path)
    settings = {"points_per_side": 2, "pred_iou_thresh": -9, "stability_score_thresh": 0.0}
    everything = SamGeo("vit_tiny", checkpoint=path, device="cpu", sam_kwargs=settings)
    everything.sam.train(False)  # TinyViT keeps its attention biases from this call
    everything.generate(files.geotiff, foreground=False)
    one = SamGeo("vit_tiny", automatic=False, checkpoint=path, device="cpu")
    one.sam.train(False)
    one.set_image(files.image)
    masks, scores, logits = one.predict([[160, 120]], 1, multimask_output=False, return_results=True)
    bare = SamGeoPredictor(one.sam)
    bare.set_image(files.pixels)
    bared = bare.predict(point_coords=np.array([[160, 120]]), point_labels=np.array([1]), multimask_output=False)
    return {
        "every_mask": np.array([mask["segmentation"] for mask in everything.masks]),
        "masks": masks,
        "scores": scores,
        "logits": logits,
        "bared": bared[2],
    }
