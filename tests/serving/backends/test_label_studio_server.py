"""Label Studio itself: it connects to the backend, sends what a person draws, and its own converter reads the masks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

import samara
from samara.datasets.reading.brush_rle import mask_of_brush
from samara.serving.serve import listening, run
from samara.serving.settings import ServeSettings
from tests.serving.backends.test_label_studio import CONFIG, box, point
from tests.serving.conftest import TOKEN, app_of

# Label Studio lives in an environment of its own: `pip install label-studio` there.
PYTHON = os.environ.get("SAMARA_LABEL_STUDIO_PYTHON")
KEY = "0123456789abcdef0123456789abcdef01234567"
PATIENCE_S = 180

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="needs the environment of SAMARA_LABEL_STUDIO_PYTHON"),
]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A client of a Label Studio that has just been started."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = tmp_path_factory.mktemp("studio")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"LABEL_STUDIO_BASE_DATA_DIR": str(data), "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true"}
    # It would refuse backends at addresses of this machine.
    environment |= dict.fromkeys(
        ("ML_BLOCK_LOCAL_IP", "SSRF_PROTECTION_ENABLED", "USE_DEFAULT_BANNED_SUBNETS"), "false"
    )
    command = [str(Path(PYTHON).parent / "label-studio"), "start", "--no-browser", "--port", str(port)]
    command += ["--username", "a@b.example", "--password", "for-tests-only", "--user-token", KEY]
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Token {KEY}"}, timeout=120)
    with client:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                client.get("/health").raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline, (data / "log").read_text()[-2000:]
                time.sleep(1)
        yield client
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def backend(studio, tmp_path_factory, small_mini):
    """Address of a server that fetches its images from that Label Studio."""
    listener = listening(ServeSettings(port=0))
    url = str(studio.base_url)
    app = app_of(tmp_path_factory.mktemp("backend"), small_mini, label_studio_url=url, label_studio_key=KEY)
    threading.Thread(target=run, args=(app, listener), daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/label-studio"
    listener.close()


def asked(client, method, path, **content):
    response = client.request(method, path, **content)
    assert response.status_code < 300, f"{path}: {response.status_code} {response.text[:500]}"
    return response.json()


def test_clicks_in_label_studio_become_masks(studio, backend, small_mini, dog):
    project = asked(
        studio, "POST", "/api/projects", json={"title": "dogs", "label_config": CONFIG.replace("$photo", "$image")}
    )
    with dog.open("rb") as file:
        asked(studio, "POST", f"/api/projects/{project['id']}/import", files={"dog.jpg": file})
    connection = {
        **{"project": project["id"], "title": "samara", "url": backend, "is_interactive": True},
        **{"auth_method": "BASIC_AUTH", "basic_auth_user": "any", "basic_auth_pass": TOKEN},
    }
    ml = asked(studio, "POST", "/api/ml", json=connection)
    assert ml["state"] == "CO", ml  # connected
    (task,) = asked(studio, "GET", "/api/tasks", params={"project": project["id"]})["tasks"]
    assert task["data"]["image"].startswith("/data/upload/")
    predictor = samara.Predictor(small_mini)
    seen = predictor.embed(dog)
    height, width = seen.original_size_hw
    for drawn, prompt in (
        (point(50, 50), {"points": [[width / 2, height / 2]], "multimask": True}),
        (box(25, 25, 50, 50), {"boxes": [width / 4, height / 4, width * 3 / 4, height * 3 / 4], "multimask": False}),
    ):
        body = {"task": task["id"], "context": {"result": [drawn]}}
        answer = asked(studio, "POST", f"/api/ml/{ml['id']}/interactive-annotating", json=body)
        (region,) = answer["data"]["result"]
        expected = predictor.predict(seen, **prompt).best()
        assert mask_of_brush(region["value"]["rle"], height, width) == expected.rles[0]
        np.testing.assert_array_equal(read_by_label_studio(region["value"]["rle"], height, width), expected.mask(0))
        asked(studio, "POST", f"/api/tasks/{task['id']}/annotations", json={"result": [region]})
    exported = asked(studio, "GET", f"/api/projects/{project['id']}/export", params={"exportType": "JSON"})
    assert [len(one["result"]) for one in exported[0]["annotations"]] == [1, 1]


def read_by_label_studio(rle, height, width):
    """Decode a brush stroke with Label Studio's own converter."""
    code = (
        "import json, sys; from label_studio_sdk.converter.brush import decode_rle; "
        "rle, height, width = json.load(sys.stdin); "
        "print(json.dumps((decode_rle(rle).reshape(height, width, 4)[:, :, 3] > 0).tolist()))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    text = json.dumps([rle, height, width])
    done = subprocess.run([PYTHON, "-c", code], input=text, env=environment, capture_output=True, text=True, check=True)
    return np.array(json.loads(done.stdout))
