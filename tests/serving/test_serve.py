"""Starting and stopping the server: where it listens, what it makes, what is there after it was killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from samara.errors import MissingExtra, OutputError, SettingsError
from samara.serving import serve as room
from samara.serving.serve import make_server, store_beside
from samara.serving.settings import ServeSettings
from tests.annotation.conftest import write_images
from tests.serving.conftest import TOKEN, client_of
from tests.serving.routes.test_images import thing


def test_a_taken_port_is_told_before_anything_is_loaded(tmp_path, images):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OutputError, match=f"port {port}: .*`port`"):
            room.serve(images, checkpoints=["there is no such checkpoint"], settings=ServeSettings(port=port))


def test_answers_are_not_delayed():
    with room.listening(ServeSettings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # what asyncio asks before it switches Nagle's delay off


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["photos"], "photos-masks"), (["photos/a.png"], "photos/a-masks"), (["photos/a.png", "photos"], "photos-masks")],
)
def test_the_store_lies_beside_the_images(tmp_path, monkeypatch, names, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").touch()
    assert store_beside(names) == tmp_path / expected


def test_two_checkpoints_of_one_name_are_refused(tmp_path, images, small_mini):
    with pytest.raises(SettingsError, match="two checkpoints"):
        make_server(images, tmp_path / "out", [small_mini, small_mini], ServeSettings(), token=TOKEN)
    with pytest.raises(SettingsError, match="at least one"):
        make_server(images, tmp_path / "out", [], ServeSettings(), token=TOKEN)


def test_classes_are_added(tmp_path, images, small_mini):
    settings = ServeSettings(embedding_cache=tmp_path / "embeddings")
    app = make_server(images, tmp_path / "out", [small_mini], settings, token=TOKEN, classes=["cat", "dog"])
    with client_of(app) as client:
        assert [one["name"] for one in client.get("/classes").json()["classes"]] == ["cat", "dog"]


def test_the_extra_is_named(monkeypatch, tmp_path, images):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtra, match=r"samara\[serve\]"):
        room.serve(images)


def started(folder, port=0):
    environment = os.environ | {"SAMARA_STATE": str(folder / "state"), "SAMARA_CACHE": str(folder / "cache")}
    code = (
        "import sys, samara; samara.serve(sys.argv[1], device='cpu', input_size=128, "
        "settings=samara.ServeSettings(port=int(sys.argv[2])), ready=lambda one: print(one.address, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "images"), str(port)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    address, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/\?token=(.+)\n", process.stdout.readline()).groups()
    return process, httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60)


@pytest.mark.slow  # two processes that load a checkpoint
def test_a_killed_server_goes_on_where_it_was(tmp_path):
    write_images(tmp_path / "images", 3)
    process, client = started(tmp_path)
    with client:
        body = {"objects": [thing(mask={"size": [32, 40], "counts": "V5:f000000000000000000jh0"})]}
        saved = client.put("/images/2/objects", json=body)
        assert saved.status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    process, again = started(tmp_path, client.base_url.port)
    with again:
        assert again.headers["Authorization"] == client.headers["Authorization"]  # an open page goes on
        assert again.get("/images/2/objects").json()["revision"] == saved.json()["revision"]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert errors == ""
