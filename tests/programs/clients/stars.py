"""samstars 0.2.0: its training of the decoder on chips, points padded with label -1 beside boxes."""

import json

import numpy as np
import torch
from PIL import Image
from samstars.training import sam_training


def run(files):
    dataset = sam_training.Chips.__new__(sam_training.Chips)  # its own reading of points, without its folders
    points, labels = sam_training._sample_points_from_chm(
        seed_xy=(160.0, 120.0),
        box_xyxy=(60.0, 20.0, 260.0, 230.0),
        chm=np.hypot(*np.mgrid[-120:120, -160:160]).astype(np.float32).max()
        - np.hypot(*np.mgrid[-120:120, -160:160]).astype(np.float32),
        fg_extra=5,
        neg_max_gnd=4,
        neg_max_can=0,
        chm_ground=3.0,
    )
    assert dataset is not None
    assert json.dumps(len(points))
    assert Image.open(files.image).size == (320, 240)
    sam = sam_training.sam_model_registry["vit_l"](checkpoint=files.checkpoint).to("cpu")
    sam.image_encoder.requires_grad_(False)
    sam.prompt_encoder.requires_grad_(False)
    resize = sam_training.ResizeLongestSide(sam.image_encoder.img_size)
    padded = np.full((1, len(points) + 3, 2), -10.0, np.float32)
    padded[:, : len(points)] = points
    given = np.full((1, len(points) + 3), -1)
    given[:, : len(points)] = labels
    image = torch.from_numpy(resize.apply_image(files.pixels)).permute(2, 0, 1)[None].float()
    box = torch.from_numpy(resize.apply_boxes(np.array([[60.0, 20, 260, 230]]), (240, 320)))
    optimiser = torch.optim.AdamW(sam.mask_decoder.parameters(), lr=5e-5)
    base = sam.prompt_encoder.get_dense_pe()
    losses = []
    for _ in range(2):
        with torch.no_grad():
            embedding = sam.image_encoder(sam.preprocess(image))
        coords = torch.from_numpy(resize.apply_coords(padded, (240, 320)).astype(np.float32))
        sparse, dense = sam.prompt_encoder(points=(coords, torch.from_numpy(given)), boxes=box.float(), masks=None)
        low, _ = sam.mask_decoder(
            image_embeddings=embedding,
            image_pe=base,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        loss = torch.nn.functional.binary_cross_entropy_with_logits(low, (low > 0).float().flip(-1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return {"losses": losses, "logits": low.detach().numpy(), "points": points}
