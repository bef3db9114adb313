"""What a package that calls itself segment_anything computes, as numbers: a tiny network with deterministic weights.

`python -m tests.segment_anything.compute segment_anything segment_anything_hq > tests/segment_anything/numbers.json`,
where the official packages are installed, writes the file that the default tests compare with.
"""

from __future__ import annotations

import importlib
import json
import sys

import numpy as np
import torch

from tests.parity.deterministic import deterministic_state, normal
from tests.segment_anything.describe import tiny

PROMPTS = {
    "point": {"point_coords": [[10, 10]], "point_labels": [1]},
    "point outside, label -1": {"point_coords": [[10, 10], [500, -3]], "point_labels": [1, -1]},
    "corner labels": {"point_coords": [[1, 1], [5, 5], [6, 6]], "point_labels": [2, 3, 0]},
    "unknown label": {"point_coords": [[1, 1], [5.5, 5]], "point_labels": [7, 0]},
    "no points": {"point_coords": np.zeros((0, 2)), "point_labels": []},
    "no points and a box": {"point_coords": np.zeros((0, 2)), "point_labels": [], "box": [1, 2, 30, 20]},
    "box": {"box": [1, 2, 30, 20]},
    "nested box": {"box": [[1, 2, 30, 20]]},
    "box of no width": {"box": [30, 2, 30, 20]},
    "box outside": {"box": [-10, 2, 300, 20]},
    "box turned around": {"box": [30, 20, 1, 2]},
    "point and box": {"point_coords": [[10, 10]], "point_labels": [0], "box": [1, 2, 30, 20]},
    "mask": {"mask_input": normal(1, (1, 16, 16)).astype(np.float64)},
    "nothing": {},
}
SETTINGS = {
    "all": {"pred_iou_thresh": -9.0, "stability_score_thresh": 0.0, "box_nms_thresh": 1.5},
    "stable": {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.5, "stability_score_offset": 0.2},
    "crops": {
        "pred_iou_thresh": 0.0,
        "stability_score_thresh": 0.1,
        "crop_n_layers": 1,
        "crop_n_points_downscale_factor": 2,
        "min_mask_region_area": 20,
    },
}
IMAGE = np.kron(normal(2, (5, 4, 3)) * 40 + 128, np.ones((10, 10, 1))).clip(0, 255).astype(np.uint8)  # (50, 40, 3)


def network(package):
    sam = tiny(package)
    state = deterministic_state(sam)
    # Predicted IoU that differs from mask to mask.
    state["mask_decoder.iou_prediction_head.layers.2.bias"] = torch.tensor([0.5, 0.7, 0.9, 1.1])
    sam.load_state_dict(state)
    return sam.eval()


def compute(package):
    """Everything, as nested lists of numbers."""
    sam = network(package)
    return _rounded(
        {
            "predict": _predict(package, sam),
            "forward": _forward(sam),
            "generate": _generate(package, sam),
            "functions": _functions(package),
            "onnx": _onnx(package, sam),
        }
    )


def _predict(package, sam):
    predictor = importlib.import_module(package).SamPredictor(sam)
    predictor.set_image(IMAGE[..., ::-1], image_format="BGR")
    found = {"features": probe(predictor.features)}
    for name, prompt in PROMPTS.items():
        arrays = {key: np.array(value) for key, value in prompt.items()}
        for multimask in (True, False):
            masks, iou, low_res = predictor.predict(**arrays, multimask_output=multimask, return_logits=True)
            found[f"{name}, {multimask}"] = [probe(masks), iou, probe(low_res)]
    return found


def _forward(sam):
    image = torch.from_numpy(normal(3, (3, 64, 51)) * 50 + 128)
    batch = [
        {"image": image, "original_size": (50, 40), "boxes": torch.tensor([[1.0, 2, 30, 20], [5, 5, 9, 9]])},
        {
            "image": image[:, :51].transpose(1, 2)[:, :51],
            "original_size": (30, 30),
            "point_coords": torch.tensor([[[3.0, 4], [70, 2]]]),
            "point_labels": torch.tensor([[1, 0]]),
        },
    ]
    batch[1]["image"] = torch.nn.functional.pad(batch[1]["image"], (0, 13))
    with torch.no_grad():
        answers = sam(batch, multimask_output=True)
    return [[answer["iou_predictions"], probe(answer["low_res_logits"])] for answer in answers]


def _generate(package, sam):
    module = importlib.import_module(package)
    found = {}
    for name, settings in SETTINGS.items():
        generator = module.SamAutomaticMaskGenerator(sam, points_per_side=4, **settings)
        records = [one for one in generator.generate(IMAGE) if one["area"]]  # ours drops empty masks
        found[name] = [
            [one["area"], one["predicted_iou"], one["stability_score"], one["point_coords"], one["crop_box"]]
            for one in records
        ]
    return found


def _functions(package):
    amg = importlib.import_module(f"{package}.utils.amg")
    encoder = importlib.import_module(f"{package}.modeling.image_encoder")
    masks = torch.from_numpy(normal(4, (3, 9, 7))) > 0.3
    masks[2] = False
    boxes = amg.batched_mask_to_box(masks)
    holes, specks = (amg.remove_small_regions(masks[0].numpy(), 3, mode) for mode in ("holes", "islands"))
    windows, padded = encoder.window_partition(torch.from_numpy(normal(5, (1, 7, 5, 2))), 3)
    table, queries = torch.from_numpy(normal(6, (7, 4))), torch.from_numpy(normal(7, (2, 12, 4)))
    rles = amg.mask_to_rle_pytorch(masks)
    return {
        "boxes": boxes,
        "boxes of more dimensions": amg.batched_mask_to_box(masks[None]),
        "near edge": amg.is_box_near_crop_edge(boxes * 9, [10, 0, 80, 90], [0, 0, 200, 90]),
        "uncropped": [
            amg.uncrop_boxes_xyxy(boxes, [3, 4, 9, 9]),
            amg.uncrop_points(torch.ones(2, 2), [3, 4, 9, 9]),
            amg.uncrop_masks(masks, [3, 4, 10, 13], 20, 15).nonzero(),
        ],
        "crops": amg.generate_crop_boxes((90, 140), 2, 512 / 1500),
        "grids": amg.build_all_layer_point_grids(5, 2, 2)[:2],
        "rles": [[rle["counts"], amg.area_from_rle(rle), amg.rle_to_mask(rle).nonzero()] for rle in rles],
        "coco": [amg.coco_encode_rle(rle)["counts"] for rle in rles],
        "stability": amg.calculate_stability_score(torch.from_numpy(normal(8, (2, 3, 9, 9))), 0.1, 0.3),
        "cleaned": [holes[0].nonzero(), holes[1], specks[0].nonzero(), specks[1]],
        "batches": list(amg.batch_iterator(2, [1, 2, 3], "abc")),
        "windows": [windows.shape, padded, windows, encoder.window_unpartition(windows, 3, padded, (7, 5))],
        "relative": [encoder.get_rel_pos(q, k, table) for q, k in ((4, 4), (3, 3), (6, 6), (4, 2), (2, 5), (5, 2))],
        "decomposed": encoder.add_decomposed_rel_pos(torch.zeros(2, 12, 12), queries, table, table, (3, 4), (3, 4)),
    }


def _onnx(package, sam):
    model = importlib.import_module(f"{package}.utils.onnx").SamOnnxModel
    is_hq = hasattr(sam.mask_decoder, "hf_token")
    with torch.no_grad():
        encoded = sam.image_encoder(sam.preprocess(torch.from_numpy(IMAGE).permute(2, 0, 1)[None]))
    images = (encoded[0], torch.stack(encoded[1])) if is_hq else (encoded,)
    forms = (
        [{"hq_token_only": True}, {"multimask_output": True, "return_extra_metrics": True}]
        if is_hq
        else [{"return_single_mask": True}, {"return_single_mask": False, "return_extra_metrics": True}]
    )
    found = []
    for form in forms:
        for has_mask in (0.0, 1.0):
            outputs = model(sam, **form)(
                *images,
                torch.tensor([[[10.0, 12.0], [40.0, 50.0], [1.0, 1.0]]]),
                torch.tensor([[2.0, 3.0, -1.0]]),
                torch.from_numpy(normal(9, (1, 1, 16, 16))),
                torch.tensor([has_mask]),
                torch.tensor([50.0, 40.0]),
            )
            found.append([probe(output.float()) for output in outputs])
    return found


def probe(values):
    """Shape, mean, spread, and a few values of a tensor."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    return [list(values.shape), flat.mean(), flat.std(), flat[:: max(1, flat.size // 8)][:8]]


def _rounded(value):
    """Plain lists of numbers of six digits."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_rounded(one) for one in value]
    if isinstance(value, (np.floating, float)):
        return float(f"{float(value):.6g}")
    return value.item() if isinstance(value, np.generic) else value


if __name__ == "__main__":
    json.dump({package: compute(package) for package in sys.argv[1:]}, sys.stdout, sort_keys=True)
