"""The client gets from a real server what the library gives."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import samara
from samara.errors import ImageError, PromptError, ServerError, SettingsError
from samara.serving.serve import listening, run
from samara.serving.settings import ServeSettings
from tests.serving.conftest import TOKEN, app_of


@pytest.fixture(scope="module")
def address(tmp_path_factory, small_mini):
    listener = listening(ServeSettings(port=0))
    app = app_of(tmp_path_factory.mktemp("remote"), small_mini)
    threading.Thread(target=run, args=(app, listener), daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/?token={TOKEN}"
    listener.close()


@pytest.fixture
def client(address):
    with samara.Client(address) as client:
        yield client


def test_ten_lines_are_enough(client, small_mini, dog):
    predictor = samara.Predictor(small_mini)
    embedding = client.embed(dog)
    masks = client.predict(embedding, points=[[400, 300]])
    expected = predictor.predict(predictor.embed(dog), points=[[400, 300]])
    assert masks.best().rles == expected.best().rles
    assert masks.size_hw == embedding.size_hw == expected.size_hw
    assert len(client.predict(embedding, box=[100, 100, 700, 500])) == 1
    everything = client.everything(embedding, points_per_side=3)
    assert everything.stability_score.min() > 0
    assert embedding.key == client.embed(samara.read_image(dog)).key == client.embed(dog.read_bytes()).key


def test_images_of_the_folder_have_numbers(client):
    masks = client.predict(1, [[20, 16]], [1], answers="best")
    assert len(masks) == 1
    assert masks.checkpoint == "samara_mini"


def test_checkpoints_and_recommendations(client):
    assert [one["name"] for one in client.checkpoints()] == ["samara_mini"]
    assert client.recommend(ram=8, commercial=True)["checkpoint"]


def test_what_is_wrong_is_said(client, address, tmp_path):
    with pytest.raises(ServerError, match=r"422.*outside the image"):
        client.predict(1, [[500, 500]])
    with pytest.raises(PromptError):
        client.predict(1, [[np.nan, 1]])
    with pytest.raises(ImageError, match="cannot be read"):
        client.embed(tmp_path / "none.png")
    with samara.Client(address, checkpoint="vit_h") as other, pytest.raises(ServerError, match="404.*samara_mini"):
        other.predict(1, [[5, 5]])
    with samara.Client(address.partition("?")[0]) as other, pytest.raises(ServerError, match="401.*token"):
        other.checkpoints()
    with samara.Client("http://127.0.0.1:9/") as other, pytest.raises(ServerError, match="cannot be reached"):
        other.checkpoints()
    with pytest.raises(SettingsError, match="no address"):
        samara.Client("127.0.0.1:8421")


def test_slow_and_aborted_uploads_disturb_nobody(address, client):
    import socket

    host, port = address.split("/")[2].split(":")
    head = f"POST /embed/file HTTP/1.1\r\nHost: {host}\r\nToken: {TOKEN}\r\nContent-Length: 100000\r\n\r\n".encode()
    hanging = []
    for _ in range(20):
        connection = socket.create_connection((host, int(port)))
        connection.sendall(head + b"x" * 100)
        hanging.append(connection)
    for connection in hanging[::2]:
        connection.close()
    start = time.perf_counter()
    assert len(client.predict(1, [[20, 16]])) == 3
    assert time.perf_counter() - start < 5
    for connection in hanging:
        connection.close()
