"""What the official `scripts/export_onnx_model.py` and its notebook do: `SamOnnxModel` exported and run."""

import numpy as np
import onnxruntime
import torch
from segment_anything.utils.onnx import SamOnnxModel

from segment_anything import SamPredictor, sam_model_registry


def export(sam, path, **options):
    model = SamOnnxModel(model=sam, **options)
    embed_dim = sam.prompt_encoder.embed_dim
    embed_size = sam.prompt_encoder.image_embedding_size
    inputs = {
        "image_embeddings": torch.randn(1, embed_dim, *embed_size, dtype=torch.float),
        "point_coords": torch.randint(low=0, high=1024, size=(1, 5, 2), dtype=torch.float),
        "point_labels": torch.randint(low=0, high=4, size=(1, 5), dtype=torch.float),
        "mask_input": torch.randn(1, 1, *[4 * x for x in embed_size], dtype=torch.float),
        "has_mask_input": torch.tensor([1], dtype=torch.float),
        "orig_im_size": torch.tensor([240, 320], dtype=torch.float),
    }
    _ = model(**inputs)
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        path,
        export_params=True,
        verbose=False,
        opset_version=17,
        do_constant_folding=True,
        input_names=list(inputs),
        output_names=["masks", "iou_predictions", "low_res_masks"],
        dynamic_axes={"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}},
        dynamo=False,
    )
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def run(files):
    sam = sam_model_registry["vit_h"](checkpoint=files.checkpoint)
    predictor = SamPredictor(sam)
    predictor.set_image(files.pixels)
    embedding = predictor.get_image_embedding().cpu().numpy()
    shape = files.pixels.shape[:2]
    coords = np.concatenate([np.array([[160, 120]]), np.array([[60, 20], [260, 230]])])[None]
    coords = predictor.transform.apply_coords(coords, shape).astype(np.float32)
    inputs = {
        "image_embeddings": embedding,
        "point_coords": coords,
        "point_labels": np.array([[1, 2, 3]], dtype=np.float32),
        "mask_input": np.zeros((1, 1, 128, 128), dtype=np.float32),
        "has_mask_input": np.zeros(1, dtype=np.float32),
        "orig_im_size": np.array(shape, dtype=np.float32),
    }
    results = {}
    for name, options in {
        "single": {"return_single_mask": True},
        "several": {"return_single_mask": False},
        "metrics": {"return_single_mask": False, "use_stability_score": True, "return_extra_metrics": True},
    }.items():
        if name == "metrics":
            with torch.no_grad():
                given = [torch.from_numpy(value) for value in inputs.values()]
                outputs = [value.numpy() for value in SamOnnxModel(sam, **options)(*given)]
        else:
            session = export(sam, str(files.work / f"{name}.onnx"), **options)
            results[f"{name}_inputs"] = np.array([value.name for value in session.get_inputs()])
            outputs = session.run(None, inputs)
            inputs["mask_input"], inputs["has_mask_input"] = outputs[2][:, :1], np.ones(1, dtype=np.float32)
            one = inputs | {"point_coords": np.array([[[5, 5], [0, 0]]], np.float32)}
            results[f"{name}_click"] = session.run(None, one | {"point_labels": np.array([[0, -1]], np.float32)})[0]
        results |= {f"{name}_{i}": value for i, value in enumerate(outputs)}
        results[f"{name}_mask"] = outputs[0] > sam.mask_threshold
    return results
