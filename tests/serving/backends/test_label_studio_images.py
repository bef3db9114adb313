"""Images are fetched from the one Label Studio that was named, with its key, and from nowhere else."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from samara.errors import ImageError, SettingsError
from samara.serving.backends.label_studio_images import LabelStudioImages
from samara.serving.refusals import Refused

DATA = b"pixels"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        moved = {"/moved": "/data/upload/1/a.png", "/away": "http://169.254.169.254/secret", "/loop": "/loop"}
        if self.path in moved:
            self.answer(302, b"", location=moved[self.path])
        elif self.path.startswith("/data/"):
            self.answer(200, DATA)
        else:
            self.answer(401 if self.path == "/private" else 404, b"")

    def do_POST(self):
        self.server.asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(200, b'{"access": "short-lived"}' if self.path == "/api/token/refresh" else b"{}")

    def answer(self, status, body, location=None):
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def studio():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def images_of(studio, key="legacy", max_bytes=100):
    return LabelStudioImages(f"http://127.0.0.1:{studio.server_port}", key, max_bytes)


def test_paths_and_own_addresses_are_fetched_with_the_key(studio):
    images = images_of(studio)
    for address in ("/data/upload/1/a.png", f"{images.address}/data/local-files/?d=a.png", "/moved"):
        assert images.fetch(address) == DATA
    assert set(studio.asked) == {
        (path, "Token legacy") for path in ("/data/upload/1/a.png", "/data/local-files/?d=a.png", "/moved")
    }


def test_personal_access_tokens_are_exchanged(studio):
    assert images_of(studio, key="a.b.c").fetch("/data/a.png") == DATA
    assert studio.asked == [("/api/token/refresh", b'{"refresh":"a.b.c"}'), ("/data/a.png", "Bearer short-lived")]


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "https://127.0.0.1/a.png",
        "http://127.0.0.1:1/a.png",
        "//evil.example/a.png",
        "file:///etc/passwd",
        "s3://bucket/a.png",
        "http://[evil",
        "/data/\x01.png",
        "/\ud800.png",
        "/" + "a" * 70_000,
        "/away",
    ],
)
def test_nothing_else_is_fetched(studio, address):
    with pytest.raises(Refused, match="not fetched") as told:
        images_of(studio).fetch(address)
    assert told.value.status == 403


def test_what_goes_wrong_is_said(studio):
    with pytest.raises(ImageError, match="401.*label_studio_key"):
        images_of(studio).fetch("/private")
    with pytest.raises(ImageError, match="404"):
        images_of(studio).fetch("/none")
    with pytest.raises(ImageError, match="too often"):
        images_of(studio).fetch("/loop")
    with pytest.raises(Refused, match="more than 3 bytes"):
        images_of(studio, max_bytes=3).fetch("/data/a.png")
    with pytest.raises(Refused, match="label_studio_url"):
        LabelStudioImages(None, None, 9).fetch("/data/a.png")
    with pytest.raises(ImageError, match="is Label Studio there"):
        LabelStudioImages("http://127.0.0.1:9", None, 9).fetch("/data/a.png")
    with pytest.raises(SettingsError, match="label_studio_url"):
        LabelStudioImages("studio:8080", None, 9)
    assert LabelStudioImages(None, None, 9).fetch("data:image/png;base64,cGl4ZWxz") == DATA
