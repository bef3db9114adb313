"""X-AnyLabeling's protocol: polygons for marks, or of everything."""

from __future__ import annotations

import numpy as np
import pytest

import samara
from samara.images.encode import data_uri, png_bytes
from samara.masks.polygons import rasterise_polygons
from samara.serving.backends.x_anylabeling import OBJECT

IMAGE = np.zeros((60, 80, 3), np.uint8)
IMAGE[10:40, 20:60] = 250
DATA = data_uri("png", png_bytes(IMAGE))


def predicted(client, **params):
    body = {"model": "samara_mini", "image": DATA, "params": {"iou_threshold": 0.5, "epsilon_factor": 0.001} | params}
    response = client.post("/v1/predict", json=body)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def mark(*data, label=1):
    return {"type": "point" if len(data) == 2 else "rectangle", "data": list(data), "label": label}


def test_the_checkpoints_are_listed_with_their_buttons(fixed_client):
    models = fixed_client.get("/v1/models").json()["data"]
    assert list(models) == ["samara_mini"]
    names = [one["name"] for one in models["samara_mini"]["widgets"]]
    assert {"button_add_point", "button_add_rect", "button_run", "edit_conf"} <= set(names)
    assert models["samara_mini"]["batch_processing_mode"] == "default"


@pytest.mark.parametrize(
    ("marks", "prompt"),
    [
        ([mark(40, 25), mark(3, 3, label=0)], {"points": [[40, 25], [3, 3]], "labels": [1, 0]}),
        ([mark(60, 40, 20, 10)], {"boxes": [20, 10, 60, 40]}),
    ],
)
def test_marks_become_a_closed_polygon(fixed_client, small_mini, marks, prompt):
    data = predicted(fixed_client, marks=marks)
    assert data["replace"] is False
    (shape,) = data["shapes"]
    assert (shape["label"], shape["shape_type"]) == (OBJECT, "polygon")
    assert shape["points"][0] == shape["points"][-1]
    predictor = samara.Predictor(small_mini)
    expected = predictor.predict(predictor.embed(IMAGE), **prompt, multimask=False)
    drawn = rasterise_polygons([np.ravel(shape["points"][:-1])], 60, 80).decode()
    assert (drawn & expected.mask(0)).sum() > 0.9 * (drawn | expected.mask(0)).sum()
    assert shape["score"] == pytest.approx(expected.predicted_iou[0])


def test_without_marks_everything_above_the_confidence(fixed_client):
    every = predicted(fixed_client)
    assert every["replace"] is True
    scores = sorted(shape["score"] for shape in every["shapes"])
    assert predicted(fixed_client, conf_threshold=1.0)["shapes"] == []
    assert len(predicted(fixed_client, conf_threshold=scores[-1])["shapes"]) < len(scores) or len(scores) == 1


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"model": "sam3"}, 404, "samara_mini"),
        ({"params": {"text_prompt": "cat"}}, 422, "texts"),
        ({"params": {"marks": [mark(1, 2, 3)]}}, 422, "3 numbers"),
        ({"image": "data:image/png;base64,AAAA"}, 422, "3 bytes"),
    ],
)
def test_what_is_wrong_is_said(fixed_client, change, status, words):
    response = fixed_client.post("/v1/predict", json={"model": "samara_mini", "image": DATA} | change)
    assert response.status_code == status
    assert words in response.json()["error"]
