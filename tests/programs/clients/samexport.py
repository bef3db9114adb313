"""samexporter 0.5.0: MobileSAM's encoder and decoder to ONNX, then its own ONNX predictor on the two files."""

import numpy as np
import torch
from samexporter import export_decoder, export_encoder
from samexporter.mobile_encoder.setup_mobile_sam import setup_model
from samexporter.sam_onnx import SegmentAnythingONNX


def seeded():
    """The program's own network. It runs random numbers through BatchNorm in training mode before it exports; this
    makes them the same numbers, however many the constructor drew."""
    network = setup_model()
    torch.manual_seed(0)
    return network


def run(files):
    export_encoder.setup_model = export_decoder.setup_model = seeded
    encoder, decoder = str(files.work / "encoder.onnx"), str(files.work / "decoder.onnx")
    options = {"checkpoint": files.checkpoint, "opset": 18}
    export_encoder.run_export(model_type="mobile", output=encoder, use_preprocess=True, **options)
    export_decoder.run_export(
        model_type="mobile", output=decoder, return_single_mask=False, gelu_approximate=False, **options
    )
    model = SegmentAnythingONNX(encoder, decoder)
    bgr = files.pixels[:, :, ::-1]
    embedding = model.encode(np.ascontiguousarray(bgr))
    results = {}
    for name, prompt in {
        "point": [{"type": "point", "data": [160, 120], "label": 1}],
        "box": [{"type": "rectangle", "data": [60, 20, 260, 230]}],
    }.items():
        results[name] = np.asarray(model.predict_masks(embedding, prompt)) > 0
    with torch.no_grad():
        results["embedding"] = np.asarray(embedding["image_embedding"])
    return results
