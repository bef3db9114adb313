"""What the server tells about itself, and its classes."""

from __future__ import annotations

import pytest

from samara.annotation.editing.classes import ClassList
from samara.annotation.store.store import open_store
from samara.datasets.formats import WRITERS
from samara.masks.drawing.colours import colour
from tests.serving.conftest import app_of, client_of
from tests.serving.routes.test_images import put, thing


def test_the_session_tells_what_the_page_needs(fixed_client, small_mini):
    session = fixed_client.get("/session").json()
    assert (session["folder"], session["store"], session["images"]) == ("images", "store", 6)
    assert [one["name"] for one in session["formats"]] == list(WRITERS)
    (checkpoint,) = session["checkpoints"]
    assert checkpoint == fixed_client.get("/checkpoints").json()["checkpoints"][0]
    assert checkpoint["name"] == "samara_mini"
    assert checkpoint["default"] is True
    assert checkpoint["thresholds"] == {
        "predicted_iou": small_mini.pred_iou_thresh,
        "stability": small_mini.stability_score_thresh,
    }
    assert set(checkpoint["prompts"]) == {"points", "background_points", "box", "mask_input"}


def test_classes_are_kept_in_order(tmp_path, client):
    assert client.get("/classes").json() == {"classes": []}
    answer = client.put("/classes", json={"classes": [{"name": "dog"}, {"name": "größer"}]}).json()
    assert answer["classes"][1] == {"name": "größer", "colour": "#{:02x}{:02x}{:02x}".format(*colour(1))}
    put(client, 1, thing(), thing("b", **{"class": "dog"}))
    names = [one["name"] for one in client.get("/classes").json()["classes"]]
    assert names == ["dog", "größer", "cat"]
    assert ClassList(open_store(tmp_path / "store")).names == tuple(names)


@pytest.mark.parametrize("names", [["a", "a"], [" "], ["two\nlines"], ["x" * 201]])
def test_bad_classes_are_refused(client, names):
    response = client.put("/classes", json={"classes": [{"name": name} for name in names]})
    assert response.status_code == 422
    assert client.get("/classes").json() == {"classes": []}


def test_recommendations(fixed_client):
    found = fixed_client.get("/recommend", params={"task": "interactive-annotation", "ram": 8, "commercial": True})
    assert found.json()["ranking"][0]["checkpoint"] == found.json()["checkpoint"]
    wrong = fixed_client.get("/recommend", params={"task": "gardening"})
    assert wrong.status_code == 422
    assert "gardening" in wrong.json()["error"]


def test_counters(tmp_path, small_mini):
    with client_of(app_of(tmp_path, small_mini)) as client:
        client.get("/images/1")
        client.get("/images/99")
        text = client.get("/metrics").text
    assert 'samara_requests_total{route="/images/{image}",status="200"} 1.0' in text
    assert 'samara_requests_total{route="/images/{image}",status="404"} 1.0' in text
    assert 'samara_waiting{for="clicks of samara_mini"} 0.0' in text


def test_the_description_of_the_routes(fixed_client):
    paths = fixed_client.get("/openapi.json").json()["paths"]
    assert {"/embed", "/predict", "/everything", "/checkpoints", "/recommend", "/images/{image}/objects"} <= set(paths)
    for path in ("/docs", "/redoc"):
        assert fixed_client.get(path).status_code == 404
