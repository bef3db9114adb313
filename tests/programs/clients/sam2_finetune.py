"""A fine-tuning loop like those that go round for `sam2`: prompt encoder and mask decoder on a frozen image."""

import numpy as np
import torch
from clients.sam2_images import CONFIG, filled
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor


def step(predictor, wanted, points, labels):
    """Loss of the prompts on the image that is set."""
    mask_input, coords, labels, box = predictor._prep_prompts(
        points, labels, box=None, mask_logits=None, normalize_coords=True
    )
    assert mask_input is None
    assert box is None
    sparse, dense = predictor.model.sam_prompt_encoder(points=(coords, labels), boxes=None, masks=None)
    low_res, scores, _, _ = predictor.model.sam_mask_decoder(
        image_embeddings=predictor._features["image_embed"][-1].unsqueeze(0),
        image_pe=predictor.model.sam_prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
        repeat_image=coords.shape[0] > 1,
        high_res_features=[level[-1].unsqueeze(0) for level in predictor._features["high_res_feats"]],
    )
    logits = predictor._transforms.postprocess_masks(low_res, predictor._orig_hw[-1])
    share = torch.sigmoid(logits[:, 0])
    loss = torch.nn.functional.binary_cross_entropy(share, wanted)
    both = (wanted * (share > 0.5)).sum((1, 2))
    overlap = both / (wanted.sum((1, 2)) + (share > 0.5).sum((1, 2)) - both)
    return loss + 0.05 * (scores[:, 0] - overlap).abs().mean()


def run(files):
    predictor = SAM2ImagePredictor(filled(build_sam2(CONFIG, device="cpu")))
    predictor.model.sam_mask_decoder.train(True)
    predictor.model.sam_prompt_encoder.train(True)
    optimiser = torch.optim.AdamW(params=predictor.model.parameters(), lr=1e-4, weight_decay=4e-5)
    rows, columns = np.mgrid[:240, :320]
    discs = [(rows - y) ** 2 + (columns - x) ** 2 < 40**2 for x, y in ((160, 120), (60, 60))]
    wanted = torch.from_numpy(np.stack(discs).astype(np.float32))
    losses = []
    for _ in range(3):
        predictor.set_image(files.pixels)
        loss = step(predictor, wanted, np.array([[[160, 120]], [[60, 60]]]), np.ones([2, 1]))
        predictor.model.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    path = files.work / "model.torch"
    torch.save(predictor.model.state_dict(), path)
    trained = {name for name, parameter in predictor.model.named_parameters() if parameter.grad is not None}

    again = SAM2ImagePredictor(build_sam2(CONFIG, device="cpu"))
    again.model.load_state_dict(torch.load(path, weights_only=True))
    with torch.no_grad():
        again.set_image(files.pixels)
        masks, scores, logits = again.predict(
            point_coords=np.array([[[160, 120]], [[60, 60]]]), point_labels=[[1], [1]]
        )
    return {
        "losses": np.array(losses),
        "trained": np.array(sorted(trained)),
        "prompt_rough": predictor.model.sam_prompt_encoder.point_embeddings[1].weight.detach().numpy(),
        "masks": masks > 0,
        "scores": scores,
        "logits_rough": logits,
    }
