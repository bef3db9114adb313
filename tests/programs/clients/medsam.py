"""MedSAM-like fine-tuning: frozen prompt encoder, boxes, the encoder and the decoder trained; then inference."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from segment_anything import sam_model_registry


class MedSAM(nn.Module):
    def __init__(self, image_encoder, mask_decoder, prompt_encoder):
        super().__init__()
        self.image_encoder, self.mask_decoder, self.prompt_encoder = image_encoder, mask_decoder, prompt_encoder
        for parameter in self.prompt_encoder.parameters():
            parameter.requires_grad = False

    def forward(self, image, box):
        embedding = self.image_encoder(image)
        with torch.no_grad():
            box = torch.as_tensor(box, dtype=torch.float32, device=image.device)
            if box.dim() == 2:
                box = box[:, None, :]
            sparse, dense = self.prompt_encoder(points=None, boxes=box, masks=None)
        low, _ = self.mask_decoder(
            image_embeddings=embedding,
            image_pe=self.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        return F.interpolate(low, size=(image.shape[2], image.shape[3]), mode="bilinear", align_corners=False)


def run(files):
    sam = sam_model_registry["vit_b"](checkpoint=files.checkpoint)
    network = MedSAM(sam.image_encoder, sam.mask_decoder, sam.prompt_encoder)
    network.eval()  # TinyViT's BatchNorm over one image
    side = sam.image_encoder.img_size
    image = F.interpolate(torch.from_numpy(files.pixels).permute(2, 0, 1)[None].float() / 255, (side, side))
    box = np.array([[100, 40, 420, 480]])
    target = torch.zeros(1, 1, side, side)
    target[:, :, 60:440, 120:400] = 1
    optimiser = torch.optim.AdamW(
        [*network.image_encoder.parameters(), *network.mask_decoder.parameters()], lr=1e-5, weight_decay=0.01
    )
    losses = []
    for _ in range(2):
        loss = F.binary_cross_entropy_with_logits(network(image, box), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    torch.save({"model": network.state_dict(), "epoch": 1}, files.work / "medsam.pth")
    network.load_state_dict(torch.load(files.work / "medsam.pth", weights_only=True)["model"])
    with torch.no_grad():
        probability = torch.sigmoid(network(image, box))
        embedding = sam.image_encoder(image)
        sparse, dense = sam.prompt_encoder(points=None, boxes=torch.tensor([[[100.0, 40, 420, 480]]]), masks=None)
        logits, _ = sam.mask_decoder(embedding, sam.prompt_encoder.get_dense_pe(), sparse, dense, False)
    return {"losses": losses, "mask": probability.numpy() > 0.5, "logits": logits.numpy()}
