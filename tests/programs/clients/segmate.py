"""segmate 0.3.1: prompts as tensors, everything mode, and its fine-tuning loop of the decoder."""

import numpy as np
import torch
from files import stacked
from segmate.segmenter import SAM


def run(files):
    model = SAM("vit_b", files.checkpoint, "cpu")
    image = files.pixels
    boxed = model.segment(image, boxes_prompt=np.array([[60, 20, 260, 230], [0, 0, 100, 100]]))
    pointed = model.segment(image, points_prompt=(np.array([[160, 120], [30, 30]]), np.array([1, 1])))
    everything = model.auto_segment(image, 3, 0.4, 0.5, crop_n_layers=1, min_mask_region_area=30)
    resized = torch.from_numpy(model.predictor.transform.apply_image(image)).permute(2, 0, 1).float()[None]
    batch = (model.sam.preprocess(resized), torch.tensor([[[100.0, 40, 400, 360]]]), torch.ones(1, 1, 240, 320))
    optimiser = torch.optim.SGD(model.sam.mask_decoder.parameters(), lr=1e-3)
    model.fine_tune((240, 320), torch.nn.MSELoss(), optimiser, [batch], "boxes_prompt", 1, multimask_output=False)
    after = model.segment(image, boxes_prompt=np.array([[60, 20, 260, 230]]), multimask_output=False)
    return stacked(everything) | {
        "boxed": boxed.astype(bool),
        "pointed": pointed.astype(bool),
        "after": after.astype(bool),
        "trained": model.sam.mask_decoder.mask_tokens.weight.detach().numpy(),
    }
