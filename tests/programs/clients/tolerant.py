"""What the official predictor takes and programs give: everything odd in one list, each answer compared."""

import numpy as np
import torch

from segment_anything import SamPredictor, sam_model_registry

ODD = {
    "outside": {"point_coords": np.array([[900, -40], [160, 120]]), "point_labels": np.array([1, 1])},
    "box_outside": {"box": np.array([-20, -30, 500, 400])},
    "box_of_no_width": {"box": np.array([100, 20, 100, 230])},
    "box_backwards": {"box": np.array([260, 230, 60, 20])},
    "label_minus_one": {"point_coords": np.array([[160, 120], [0, 0]]), "point_labels": np.array([1, -1])},
    "empty_and_box": {
        "point_coords": np.zeros((0, 2)),
        "point_labels": np.zeros(0),
        "box": np.array([60, 20, 260, 230]),
    },
    "bool_labels": {"point_coords": np.array([[160, 120]]), "point_labels": np.array([True])},
    "float_labels": {"point_coords": np.array([[160.5, 120.25]]), "point_labels": np.array([1.0])},
    "int32": {"point_coords": np.array([[160, 120]], np.int32), "point_labels": np.array([1], np.int32)},
    "box_row": {"box": np.array([[60, 20, 260, 230]])},
    "box_float32": {"box": np.array([60.5, 20.5, 260, 230], np.float32)},
    "only_background": {"point_coords": np.array([[160, 120]]), "point_labels": np.array([0])},
    "corners_as_points": {"point_coords": np.array([[60, 20], [260, 230]]), "point_labels": np.array([2, 3])},
    "nothing": {},
    "mask_alone": {"mask_input": np.ones((1, 128, 128), np.float32)},
    "mask_float64": {"mask_input": np.ones((1, 128, 128)), "box": np.array([60, 20, 260, 230])},
    "flipped_view": {"point_coords": np.array([[120, 160]])[:, ::-1], "point_labels": np.array([1])},
    "logits": {"box": np.array([60, 20, 260, 230]), "return_logits": True},
}


def outcome(call):
    """The arrays of a call, or the fact that it fails."""
    try:
        return call()
    except Exception:  # noqa: BLE001 - that both sides fail is what is compared
        return None


def run(files):
    sam = sam_model_registry["vit_b"](checkpoint=files.checkpoint)
    predictor = SamPredictor(sam)
    results = {}
    predictor.set_image(files.pixels)
    for name, prompt in ODD.items():
        for several in (True, False):
            found = outcome(
                lambda prompt=prompt, several=several: predictor.predict(**prompt, multimask_output=several)
            )
            key = f"{name}_{several}"
            results[f"{key}_works"] = np.array([found is not None])
            if found:
                results |= {f"{key}_mask": found[0], f"{key}_iou": found[1], f"{key}_low": found[2]}
    tensors = {
        "points": (torch.tensor([[[160.0, 120]], [[30, 30]]]), torch.tensor([[1], [1]]), None),
        "int_labels": (torch.tensor([[[160.0, 120]]]), torch.tensor([[1]], dtype=torch.int32), None),
        "boxes_2d": (None, None, torch.tensor([[60.0, 20, 260, 230]])),
        "boxes_3d": (None, None, torch.tensor([[[60.0, 20, 260, 230]], [[0, 0, 50, 50]]])),
        "int_boxes": (None, None, torch.tensor([[60, 20, 260, 230]])),
        "points_and_boxes": (torch.tensor([[[160.0, 120]]]), torch.tensor([[0]]), torch.tensor([[60.0, 20, 260, 230]])),
        "no_boxes": (None, None, torch.zeros(0, 4)),
    }
    for name, prompt in tensors.items():
        found = outcome(lambda prompt=prompt: predictor.predict_torch(*prompt, multimask_output=False))
        results[f"torch_{name}_works"] = np.array([found is not None or name == "no_boxes"])
        if found and name != "no_boxes":
            results |= {f"torch_{name}_mask": found[0].numpy(), f"torch_{name}_low": found[2].numpy()}
    images = {
        "bgr": (files.pixels[:, :, ::-1], "BGR"),
        "tall": (np.ascontiguousarray(files.pixels.transpose(1, 0, 2)), "RGB"),
        "one_pixel_high": (files.pixels[:1], "RGB"),
        "read_only": (np.frombuffer(files.pixels.tobytes(), np.uint8).reshape(240, 320, 3), "RGB"),
    }
    for name, (pixels, order) in images.items():
        predictor.set_image(pixels, image_format=order)
        results[f"image_{name}_low"] = predictor.predict(np.array([[0, 0]]), np.array([1]))[2]
    predictor.reset_image()
    results["unset_works"] = np.array([outcome(lambda: predictor.predict(np.array([[1, 1]]), np.array([1]))) is None])
    image = torch.from_numpy(predictor.transform.apply_image(files.pixels)).permute(2, 0, 1).contiguous()[None]
    predictor.set_torch_image(image, files.pixels.shape[:2])
    results["torch_image_low"] = predictor.predict(np.array([[160, 120]]), np.array([1]))[2]
    results["state"] = np.array([*predictor.input_size, *predictor.original_size, predictor.is_image_set])
    features, predictor.features = predictor.features, torch.zeros_like(predictor.features)
    results["features_replaced_low"] = predictor.predict(np.array([[160, 120]]), np.array([1]))[2]
    predictor.features = features
    results["features_back_low"] = predictor.predict(np.array([[160, 120]]), np.array([1]))[2]
    records = [
        {"image": image[0], "original_size": (240, 320), "boxes": torch.tensor([[90.0, 30, 400, 350]])},
        {
            "image": image[0].flip(-1),
            "original_size": (120, 160),
            "point_coords": torch.tensor([[[200.0, 100]]]),
            "point_labels": torch.tensor([[1]]),
        },
        {"image": image[0, :, :100], "original_size": (50, 160)},
    ]
    for i, output in enumerate(sam(records, multimask_output=True)):
        results |= {f"forward_{i}_mask": output["masks"].numpy(), f"forward_{i}_low": output["low_res_logits"].numpy()}
    return results
