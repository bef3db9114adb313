"""micro-sam 1.8.14: its predictor for bioimage.io on an image and on embeddings, and UNETR on the encoder."""

import torch
from micro_sam import util
from micro_sam.bioimageio.predictor_adaptor import PredictorAdaptor
from micro_sam.instance_segmentation import get_unetr


def run(files):
    adaptor = PredictorAdaptor("vit_t")
    adaptor.load_state_dict(torch.load(files.checkpoint, weights_only=True))
    image = torch.from_numpy(files.pixels.transpose(2, 0, 1).copy())[None]
    boxes = torch.tensor([[[60.0, 20, 260, 230], [0, 0, 100, 100]]])
    masks, scores, embeddings = adaptor(image, box_prompts=boxes)
    clicks = {"point_prompts": torch.tensor([[[[160.0, 120]]]]), "point_labels": torch.tensor([[[1]]])}
    clicked, _, _ = adaptor(image, **clicks, embeddings=embeddings)
    sam = util.get_sam_model("vit_t", device="cpu", checkpoint_path=files.checkpoint, return_sam=True)[1]
    return {
        "masks": masks.numpy().astype(bool),
        "scores": scores.numpy(),
        "embeddings": embeddings.numpy(),
        "clicked": clicked.numpy().astype(bool),
        "unetr": int(get_unetr(sam.image_encoder, device="cpu").encoder is sam.image_encoder),
    }
