"""The registries as the packages have them: a ViT-B of 1024 pixels and MobileSAM, weights by number, files by name."""

import numpy as np
import torch
from clients.lora import numbered
from mobile_sam.build_sam import build_sam_vit_t

from segment_anything import SamPredictor, build_sam_vit_b


def run(files):
    results = {}
    for name, build in {"vit_b": build_sam_vit_b, "vit_t": build_sam_vit_t}.items():
        sam = build()
        numbered(sam.train())  # TinyViT's attention keeps its biases from the call of `eval`
        path = files.work / f"{name}.pth"
        torch.save(sam.state_dict(), path)
        sam = build(checkpoint=str(path))
        if name == "vit_t":
            sam.train().eval()
        predictor = SamPredictor(sam)
        predictor.set_image(files.pixels)
        masks, scores, logits = predictor.predict(np.array([[160, 120]]), np.array([1]))
        box, _, _ = predictor.predict(box=np.array([60, 20, 260, 230]), multimask_output=False)
        results |= {
            f"{name}_mask": masks,
            f"{name}_scores": scores,
            f"{name}_logits": logits,
            f"{name}_box": box,
            f"{name}_keys": np.array(sorted(sam.state_dict())),
            f"{name}_parameters": sum(value.numel() for value in sam.parameters()),
            f"{name}_training": np.array([sam.training, next(sam.parameters()).requires_grad]),
        }
    return results
