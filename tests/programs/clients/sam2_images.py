"""Code like the notebooks of `sam2`: its predictor with every kind of prompt, batches, and a file of its own."""

import zlib

import numpy as np
import torch
from PIL import Image
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor

CONFIG = "configs/sam2.1/sam2.1_hiera_t.yaml"


def filled(model):
    """The same weights on both sides: numbers by the entry's name, of a size that keeps signals alive."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            numbers = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()))).standard_normal(value.shape)
            if value.ndim == 1:
                numbers = 1 + 0.05 * numbers if name.endswith("weight") else 0.02 * numbers
            elif "pos_embed" in name:
                numbers = 0.05 * numbers
            elif "gaussian" not in name:
                numbers = numbers / np.sqrt(numbers[0].size)
            value.copy_(torch.from_numpy(numbers))
        model.sam_mask_decoder.iou_prediction_head.layers[2].bias.copy_(torch.tensor([0.5, 0.7, 0.9, 1.1]))
    return model


def named(name, answer):
    masks, scores, logits = answer
    assert masks.dtype == scores.dtype == logits.dtype == np.float32
    return {f"{name}_mask": masks > 0, f"{name}_scores": scores, f"{name}_logits": logits}


def prompted(predictor, low_res):
    """Every kind of prompt on the image that is set."""
    point, label = np.array([[160, 120]]), np.array([1])
    boxes = np.array([[60, 20, 260, 230], [10, 30, 90, 200.5]])
    click = {"point_coords": point, "point_labels": label}
    prompts = {
        "click": click,
        "click_single": click | {"multimask_output": False},
        "clicks": {"point_coords": [[160, 120], [20, 20]], "point_labels": [1, 0]},
        "box": {"box": boxes[0], "multimask_output": False},
        "box_click": {"box": boxes[:1]} | click,
        "boxes": {"box": boxes, "multimask_output": False},
        "boxes_three": {"box": boxes},
        "boxes_clicks": {"box": boxes, "point_coords": [[[160, 120]], [[50, 60]]], "point_labels": [[1], [0]]},
        "objects": {"point_coords": [[[160, 120]], [[50, 60]]], "point_labels": [[1], [1]]},
        "mask": click | {"mask_input": low_res},
        "mask_alone": {"mask_input": low_res},
        "nothing": {},
        "logits": click | {"return_logits": True},
        "unit": {"point_coords": [[0.5, 0.5]], "point_labels": [1], "normalize_coords": False},
        "outside": {"point_coords": [[500, -3], [160, 120]], "point_labels": [1, -1]},
    }
    return {
        name: value
        for key, prompt in prompts.items()
        for name, value in named(key, predictor.predict(**prompt)).items()
    }


def batch(predictor, pixels):
    """Two images of different sizes, each with prompts of its own."""
    predictor.set_image_batch([pixels, pixels[:150, 50:]])
    points, labels = [np.array([[[160, 120]]]), np.array([[[40, 50]], [[90, 80]]])], [np.ones((1, 1)), np.ones((2, 1))]
    by_clicks = predictor.predict_batch(points, labels, multimask_output=True)
    by_boxes = predictor.predict_batch(box_batch=[np.array([60, 20, 260, 230]), np.array([[10, 10, 80, 90]])])
    found = {}
    for name, answers in {"clicks": by_clicks, "boxes": by_boxes}.items():
        for index, answer in enumerate(zip(*answers, strict=True)):
            found |= named(f"batch_{name}{index}", answer)
    return found


def run(files):
    path = files.work / "own.pt"
    model = filled(build_sam2(CONFIG, device="cpu"))
    torch.save({"model": model.state_dict()}, path)
    model = build_sam2(CONFIG, str(path), device="cpu")
    results = {
        "keys": np.array(sorted(model.state_dict())),
        "shapes": np.array([str(tuple(value.shape)) for _, value in sorted(model.state_dict().items())]),
        "parameters": sum(value.numel() for value in model.parameters()),
        "memory": model.state_dict()["memory_attention.layers.1.linear1.weight"].numpy()[:4],
        "training": model.training,
    }
    predictor = SAM2ImagePredictor(model)
    predictor.set_image(files.pixels)
    _, _, low_res = predictor.predict([[160, 120]], [1], multimask_output=False)
    results |= prompted(predictor, low_res)
    results["embedding"] = predictor.get_image_embedding().numpy()
    results["sizes"] = np.array(predictor._orig_hw)
    results |= batch(predictor, files.pixels)
    predictor.set_image(Image.fromarray(files.pixels))
    results |= named("pil", predictor.predict([[160, 120]], [1]))
    plain = SAM2ImagePredictor(build_sam2(CONFIG, str(path), device="cpu", apply_postprocessing=False))
    plain.set_image(files.pixels)
    return results | named("not_postprocessed", plain.predict([[160, 120]], [1], multimask_output=False))
