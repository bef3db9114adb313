"""Label Studio's protocol: smart keypoints and rectangles become regions that its own reader understands."""

from __future__ import annotations

import numpy as np
import pytest

import samara
from samara.datasets.reading.brush_rle import mask_of_brush
from samara.datasets.reading.label_studio import mask_of_polygon
from samara.images.encode import data_uri, png_bytes
from samara.masks.rle import encode_mask
from samara.serving.backends.label_studio import drawn_in, regions_of
from tests.serving.backends.test_label_config import BRUSH, IMAGE, POLYGON, read_label_config

CONFIG = f"<View>{IMAGE}{BRUSH}</View>"


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(3).integers(0, 255, (30, 50, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def task(pixels):
    return {"id": 7, "data": {"photo": data_uri("png", png_bytes(pixels))}}


def point(x, y, is_positive=1, label="dog"):
    value = {"x": x, "y": y, "width": 0.3, "keypointlabels": [label]}
    return {"type": "keypointlabels", "is_positive": is_positive, "value": value, "original_width": 50}


def box(x, y, width, height):
    value = {"x": x, "y": y, "width": width, "height": height, "rectanglelabels": ["dog"]}
    return {"type": "rectanglelabels", "value": value}


def predicted(client, task, *drawn, config=CONFIG, path="/label-studio/predict"):
    body = {"tasks": [task], "label_config": config, "project": "1.2", "model_version": "any"}
    if drawn:
        body["params"] = {"login": None, "password": None, "context": {"result": list(drawn)}}
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    return result


@pytest.mark.parametrize("prefix", ["", "/label-studio"])
def test_the_backend_introduces_itself(fixed_client, prefix):
    assert fixed_client.get(f"{prefix}/health").json() == {"status": "UP", "model_class": "samara_mini"}
    body = {"project": "1.2", "schema": CONFIG, "hostname": "http://evil.example", "access_token": "x"}
    assert fixed_client.post(f"{prefix}/setup", json=body).json() == {"model_version": "samara_mini"}
    wrong = fixed_client.post(f"{prefix}/setup", json={"schema": f"<View>{IMAGE}</View>"})
    assert wrong.status_code == 422
    assert "BrushLabels" in wrong.json()["error"]
    created = fixed_client.post(f"{prefix}/webhook", json={"action": "ANNOTATION_CREATED", "project": {}})
    assert (created.status_code, created.json()["status"]) == (201, "ok")
    unknown = fixed_client.post(f"{prefix}/webhook", json={"action": "SOMETHING"})
    assert (unknown.status_code, unknown.json()) == (200, {"status": "Unknown event"})


@pytest.mark.parametrize("path", ["/predict", "/label-studio/predict"])
def test_keypoints_become_a_brush_stroke(fixed_client, small_mini, pixels, task, path):
    result = predicted(fixed_client, task, point(20, 50), point(90, 10, is_positive=0), path=path)
    (region,) = result["result"]
    predictor = samara.Predictor(small_mini)
    seen = predictor.embed(pixels)
    expected = predictor.predict(seen, [[10, 15], [45, 3]], [1, 0], multimask=False)
    assert mask_of_brush(region["value"]["rle"], 30, 50) == expected.rles[0]
    assert region["value"]["brushlabels"] == ["dog"]
    assert (region["from_name"], region["to_name"], region["type"]) == ("tag", "image", "brushlabels")
    assert (region["original_width"], region["original_height"]) == (50, 30)
    assert result["score"] == region["score"] == pytest.approx(expected.predicted_iou[0])
    assert result["model_version"] == "samara_mini"


def test_a_rectangle_becomes_a_polygon(fixed_client, small_mini, pixels, task):
    result = predicted(fixed_client, task, box(10, 10, 60, 80), config=f"<View>{IMAGE}{POLYGON}</View>")
    (region,) = result["result"]
    predictor = samara.Predictor(small_mini)
    expected = predictor.predict(predictor.embed(pixels), boxes=[5, 3, 35, 27], multimask=False).rles[0]
    drawn = mask_of_polygon(region["value"]["points"], 30, 50)
    assert samara.Rle.decode(drawn).sum() == pytest.approx(expected.area, rel=0.2)
    assert region["value"]["polygonlabels"] == ["Cat"]
    assert region["value"]["closed"] is True


def test_points_beyond_the_border_are_moved_to_it(fixed_client, task):
    assert len(predicted(fixed_client, task, point(100, 100.2))["result"]) <= 1


def test_without_drawing_only_what_nobody_must_name_is_proposed(fixed_client, task):
    assert predicted(fixed_client, task)["result"] == []  # two labels, and a checkpoint without classes
    regions = predicted(fixed_client, task, config=f"<View>{IMAGE}{POLYGON}</View>")["result"]
    assert all(region["value"]["polygonlabels"] == ["Cat"] for region in regions)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tasks": [{"data": {"other": "x"}}]}, "'photo'"),
        ({"tasks": [{"data": {"photo": "/data/upload/a.png"}}]}, "label_studio_url"),
        ({"label_config": "<View/>"}, "BrushLabels"),
        ({"params": {"context": {"result": [{"type": "choices", "value": {}}]}}}, "smart keypoint"),
        ({"params": {"context": {"result": [point("a", 1)]}}}, "'x' in per cent"),
        ({"params": {"context": {"result": [box(1, 1, 0, 5)]}}}, "box"),
    ],
)
def test_what_is_wrong_is_said(fixed_client, task, change, words):
    response = fixed_client.post("/label-studio/predict", json={"tasks": [task], "label_config": CONFIG} | change)
    assert response.status_code in (403, 422)
    assert words in response.json()["error"]


def test_an_empty_mask_has_no_region():
    config = read_label_config(CONFIG)
    assert regions_of(config, encode_mask(np.zeros((3, 4), bool)), "dog", 0.5) == []


def test_the_last_rectangle_and_label_count():
    drawn = drawn_in([box(0, 0, 10, 10), point(1, 2, label="cat"), box(5, 5, 10, 20), {"value": 3}])
    assert drawn.box == (5, 5, 15, 25)
    assert (drawn.points, drawn.labels, drawn.label) == (((1, 2),), (1,), "dog")
