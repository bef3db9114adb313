"""Roboflow's inference-models 0.39: its `SAMTorch`, images as arrays and tensors, masks of one call into the next."""

import json
import shutil

import numpy as np
import torch
from inference_models.models.sam.sam_torch import SAMTorch


def run(files):
    shutil.copy(files.checkpoint, files.work / "model.pth")
    (files.work / "sam_configuration.json").write_text(json.dumps({"version": "vit_b"}))
    model = SAMTorch.from_pretrained(str(files.work), device=torch.device("cpu"))
    image = files.pixels
    embeddings = model.embed_images([image, torch.from_numpy(image[:, ::-1].copy()).permute(2, 0, 1)])
    point, label = np.array([[160.0, 120], [30, 30]]), np.array([1, 0])
    pointed = model.segment_images(embeddings=embeddings, point_coordinates=[point] * 2, point_labels=[label] * 2)
    again = model.segment_images(
        embeddings=embeddings[0],
        point_coordinates=point[:1],
        point_labels=label[:1],
        mask_input=pointed[0].logits[:1],
        multi_mask_output=False,
    )
    boxed = model.segment_images(
        images=image, boxes=np.array([[60.0, 20, 260, 230]]), multi_mask_output=False, return_logits=True
    )
    return {
        "embedding": embeddings[0].embeddings.numpy(),
        "pointed": np.array([prediction.masks.numpy() for prediction in pointed]).astype(bool),
        "scores": np.array([prediction.scores.numpy() for prediction in pointed]),
        "again": again[0].masks.numpy().astype(bool),
        "boxed": boxed[0].masks.numpy(),
        "boxed_logits": boxed[0].logits.numpy(),
    }
