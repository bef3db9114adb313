"""Images from a server on this machine: what is kept, and what is refused."""

import io
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samara.errors import ImageError
from samara.images.download import download_image, found_download, is_address, place_of_address
from samara.images.read import read_image

from ..checkpoints.server import Behaviour, Server


def photo():
    data = io.BytesIO()
    Image.new("RGB", (30, 20), (200, 10, 10)).save(data, "PNG")
    return data.getvalue()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve():
    servers = []

    def start(**behaviour):
        servers.append(Server(Behaviour(photo(), **({"content_type": "image/png"} | behaviour))))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def fetch(server, folder, name="photos/truck.png", **how):
    return download_image(server.url.replace("file.bin", name), folder, sleep=lambda seconds: None, **how)


def test_an_image_is_kept_under_its_host_and_path(serve, tmp_path):
    server = serve()
    path = fetch(server, tmp_path)
    assert path == tmp_path / f"127.0.0.1_{server.server_port}" / "photos" / "truck.png"
    assert read_image(path)[0, 0].tolist() == [200, 10, 10]
    assert found_download(server.url.replace("file.bin", "photos/truck.png"), tmp_path) == path
    assert found_download(server.url.replace("file.bin", "photos/car.png"), tmp_path) is None


def test_an_address_without_suffix_gets_that_of_the_type(serve, tmp_path):
    server = serve()
    path = fetch(server, tmp_path, "photo?id=7")
    assert path.name.startswith("photo-")
    assert path.suffix == ".png"
    assert found_download(server.url.replace("file.bin", "photo?id=7"), tmp_path) == path
    assert found_download(server.url.replace("file.bin", "photo?id=8"), tmp_path) is None


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://example.com/a/b.jpg", "example.com/a/b.jpg"),
        ("https://user:secret@example.com/a.jpg", "example.com/a.jpg"),
        ("https://example.com/../../etc/x.jpg", "example.com/etc/x.jpg"),
        ("https://example.com/%2e%2e/%2e%2e/x.jpg", "example.com/x.jpg"),
        ("https://example.com/a%20b%00.jpg", "example.com/a_b_.jpg"),
        ("https://example.com/", "example.com/image"),
    ],
)
def test_places_stay_in_their_folder(url, place):
    assert place_of_address(url) == Path(place)


@pytest.mark.parametrize("url", ["file:///etc/passwd.png", "ftp://example.com/a.png", "https:///a.png", "s3://b/a.png"])
def test_other_kinds_of_addresses_are_refused(url, tmp_path):
    assert is_address(url)
    with pytest.raises(ImageError, match="is not an address of http or https"):
        download_image(url, tmp_path)


@pytest.mark.parametrize(
    ("behaviour", "how", "message"),
    [
        ({"content_type": "text/html"}, {}, "answers with text/html instead of an image"),
        ({"statuses": [404]}, {}, "answers 404 instead of an image"),
        ({}, {"max_bytes": 20}, "has more than 20 bytes"),
        ({"tells_length": False}, {"max_bytes": 20}, "has more than 20 bytes"),
        ({"redirect_to": "file:///etc/passwd"}, {}, "not an address of http or https|redirects to an address"),
        ({"redirect_to": "/again.png"}, {}, "cannot be downloaded"),
        ({"content_type": "application/pdf"}, {"name": "paper"}, "is no image by its name, nor by its type"),
        ({"statuses": [503] * 3}, {}, r"in 3 attempts \(the server answers 503\)"),
    ],
)
def test_what_is_refused_leaves_nothing(serve, tmp_path, behaviour, how, message):
    with pytest.raises(ImageError, match=message):
        fetch(serve(**behaviour), tmp_path, **how)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_dropped_connection_is_tried_again_and_told(serve, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "samara"):
        path = fetch(serve(statuses=[503], drop_after=[10]), tmp_path)
    assert np.asarray(Image.open(path)).shape == (20, 30, 3)
    assert [record.getMessage().rpartition("; ")[2] for record in caplog.records] == [
        "trying again, attempt 2 of 3",
        "trying again, attempt 3 of 3",
    ]
