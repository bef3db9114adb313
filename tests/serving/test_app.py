"""One form for everything that goes wrong, whatever is sent."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samara.images.encode import data_uri, png_bytes
from tests.serving.conftest import SIZE_HW, TOKEN, app_of, client_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NUMBER = st.integers(-(1 << 70), 1 << 70) | st.floats() | JSON
SUBJECT = st.sampled_from([{"image": 1}, {"image": 2, "checkpoint": "samara_mini"}, {"embedding": "0" * 64}, {}])
CONFIG = (
    '<View><Image name="i" value="$image"/><BrushLabels name="b" toName="i"><Label value="a"/></BrushLabels></View>'
)
DATA = data_uri("png", png_bytes(np.zeros((*SIZE_HW, 3), np.uint8)))
REGION = JSON | st.fixed_dictionaries(
    {
        "type": st.sampled_from(["keypointlabels", "rectanglelabels"]) | JSON,
        "is_positive": JSON,
        "value": JSON
        | st.fixed_dictionaries({side: NUMBER for side in ("x", "y", "width", "height")} | {"keypointlabels": JSON}),
    }
)
MARK = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["point", "rectangle"]), "data": st.lists(NUMBER, max_size=4), "label": JSON}
)
FIELDS = {
    "/embed": {"prefetch": JSON, "image": NUMBER, "image_data": JSON},
    "/predict": {
        "points": st.lists(st.lists(NUMBER, max_size=3), max_size=3) | JSON,
        "labels": st.lists(st.sampled_from([0, 1]) | JSON, max_size=3) | JSON,
        "box": st.lists(NUMBER, max_size=5) | JSON,
        "previous": JSON,
        "answers": st.sampled_from(["best", "three", "one"]) | JSON,
    },
    "/everything": {"points_per_side": NUMBER, "embedding": JSON},
    "/classes": {"classes": st.lists(st.fixed_dictionaries({"name": JSON}), max_size=3) | JSON},
    "/images/1/objects": {"objects": JSON},
    "/export": {"format": JSON},
    "/label-studio/setup": {"schema": JSON},
    "/label-studio/predict": {
        "tasks": st.lists(st.fixed_dictionaries({"data": st.fixed_dictionaries({"image": JSON})}), max_size=2) | JSON,
        "label_config": st.sampled_from([CONFIG, "<View/>", "<", ""]) | JSON,
        "params": st.fixed_dictionaries({"context": st.fixed_dictionaries({"result": st.lists(REGION, max_size=3)})}),
    },
    "/webhook": {"action": JSON},
    "/v1/predict": {
        "model": st.just("samara_mini") | JSON,
        "params": st.fixed_dictionaries({"marks": st.lists(MARK, max_size=3) | JSON}) | JSON,
        "image": st.just(DATA) | JSON,
    },
    "/api/generate": {
        "model": st.just("any") | JSON,
        "image": st.just(DATA) | JSON,
        "prompt": st.fixed_dictionaries(
            {
                "points": st.lists(st.lists(NUMBER, max_size=3), max_size=3) | JSON,
                "point_labels": st.lists(st.integers(-1, 3) | JSON, max_size=3) | JSON,
            }
        )
        | JSON,
    },
}
PUT = ("/classes", "/images/1/objects")


@pytest.fixture(scope="module")
def own_client(tmp_path_factory, small_mini):
    """One of its own, because some of the requests save something."""
    with client_of(app_of(tmp_path_factory.mktemp("fuzzed"), small_mini, count=2)) as client:
        yield client


@st.composite
def requests(draw):
    path = draw(st.sampled_from(sorted(FIELDS)))
    fields = {name: value for name, value in FIELDS[path].items() if draw(st.booleans())}
    body = draw(SUBJECT) | draw(st.fixed_dictionaries(fields))
    text = json.dumps(draw(st.sampled_from([body, body, body, draw(JSON)])))
    cut = draw(st.integers(0, len(text))) if draw(st.integers(0, 9)) == 0 else len(text)
    return path, text[:cut]


@settings(
    max_examples=300,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request=requests())
def test_whatever_is_sent_is_answered(own_client, request):
    path, text = request
    response = own_client.request(
        "PUT" if path in PUT else "POST", path, content=text, headers={"Content-Type": "application/json"}
    )
    assert response.status_code < 500, (path, text, response.text)
    if response.status_code >= 400:
        assert set(response.json()) == {"error"}
        assert "Traceback" not in response.text


def test_who_hangs_up_while_sending_causes_no_error(app):
    messages = iter([{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/embed/file", "raw_path": b"/embed/file", "query_string": b""}
    scope |= {"headers": [(b"host", b"localhost"), (b"token", TOKEN.encode())], "root_path": "", "scheme": "http"}
    asyncio.run(app(scope | {"http_version": "1.1", "server": ("localhost", 80)}, receive, send))
    assert sent[0]["status"] == 499


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("DELETE", "/images", 405),
        ("GET", "/predict", 405),
        ("POST", "/images/1", 405),
    ],
)
def test_unknown_routes_are_told_as_json(fixed_client, method, path, status):
    response = fixed_client.request(method, path)
    assert response.status_code == status
    assert path in response.json()["error"]


def test_other_kinds_of_content_are_refused(fixed_client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        response = fixed_client.post("/predict", content=b'{"image": 1}', headers={"Content-Type": kind})
        assert response.status_code in (415, 422), kind
        assert set(response.json()) == {"error"}
