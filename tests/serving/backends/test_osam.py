"""osam's protocol: a PNG of the whole image for points or a box."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest

import samara
from samara.images.encode import base64_text, png_bytes

IMAGE = np.random.default_rng(4).integers(0, 255, (30, 50, 3), dtype=np.uint8)


def generated(client, **fields):
    body = {"model": "sam2:latest", "image": base64_text(png_bytes(IMAGE)), **fields}
    response = client.post("/api/generate", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def mask_of(annotation):
    data = np.frombuffer(base64.b64decode(annotation["mask"]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ({"points": [[20, 10], [40, 20]], "point_labels": [1, 0]}, {"points": [[20, 10], [40, 20]], "labels": [1, 0]}),
        ({"points": [[5, 4], [30, 25]], "point_labels": [2, 3]}, {"boxes": [5, 4, 30, 25]}),
        ({"points": [[5, 4], [9, 9], [30, 25]], "point_labels": [2, -1, 3]}, {"boxes": [5, 4, 30, 25]}),
        (None, {"points": [[25, 15]], "multimask": True}),
    ],
)
def test_masks_are_those_of_the_library(fixed_client, small_mini, prompt, expected):
    answer = generated(fixed_client, prompt=prompt)
    assert answer["model"] == "sam2:latest"
    predictor = samara.Predictor(small_mini)
    masks = predictor.predict(predictor.embed(IMAGE), **{"multimask": False} | expected).best()
    (annotation,) = answer["annotations"]
    mask = mask_of(annotation)
    assert set(np.unique(mask)) <= {0, 255}
    np.testing.assert_array_equal(mask == 255, masks.mask(0))
    assert list(annotation["bounding_box"].values()) == masks.boxes_xyxy[0].tolist()
    assert annotation["score"] == pytest.approx(masks.predicted_iou[0])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"image": None}, "no image"),
        ({"prompt": {"texts": ["cat"]}}, "texts"),
        ({"prompt": {"points": [[1, 2]], "point_labels": [2]}}, "labelled 2"),
        ({"prompt": {"points": [[1, 2]], "point_labels": []}}, "1 points and 0 labels"),
        ({"prompt": {"points": [[1, 2]], "point_labels": [7]}}, "point_labels"),
        ({"prompt": {"points": [[1, 2]], "point_labels": [-1]}}, "prompt is empty"),
    ],
)
def test_what_is_wrong_is_said(fixed_client, fields, words):
    body = {"model": "any", "image": base64_text(png_bytes(IMAGE))} | fields
    response = fixed_client.post("/api/generate", json=body)
    assert response.status_code == 422
    assert words in response.json()["error"]
