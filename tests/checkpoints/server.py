"""A real HTTP server on this machine that misbehaves on request."""

from __future__ import annotations

import http.server
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Behaviour:
    """How the server treats its file.

    `drop_after` and `statuses` are used up request by request.
    """

    content: bytes
    etag: str | None = '"v1"'
    drop_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ignores_ranges: bool = False
    refuses_ranges: bool = False
    shifts_ranges: int = 0
    tells_length: bool = True
    content_type: str = "application/octet-stream"
    content_encoding: str | None = None
    redirect_to: str | None = None
    pause_s: float = 0.0
    requests: list[dict[str, str]] = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        behaviour = self.server.behaviour
        behaviour.requests.append({key.lower(): value for key, value in self.headers.items()})
        if behaviour.redirect_to and self.path != "/moved":
            return self._empty(302, Location=behaviour.redirect_to)
        if behaviour.statuses:
            return self._empty(behaviour.statuses.pop(0))
        time.sleep(behaviour.pause_s)
        start = self._start(behaviour)
        if start and (behaviour.refuses_ranges or start >= len(behaviour.content)):
            return self._empty(416, **{"Content-Range": f"bytes */{len(behaviour.content)}"})
        self._send(behaviour, start)

    def _start(self, behaviour):
        requested = self.headers.get("Range")
        fits = self.headers.get("If-Range") in (None, behaviour.etag)
        return int(requested[6:-1]) if requested and fits and not behaviour.ignores_ranges else 0

    def _empty(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, behaviour, start):
        body = behaviour.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", behaviour.content_type)
        if start:
            first, last = start + behaviour.shifts_ranges, len(behaviour.content) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(behaviour.content)}")
        if behaviour.etag:
            self.send_header("ETag", behaviour.etag)
        if behaviour.content_encoding:
            self.send_header("Content-Encoding", behaviour.content_encoding)
        if behaviour.tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: behaviour.drop_after.pop(0)] if behaviour.drop_after else body)
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behaviour):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = behaviour
        self.url = f"http://127.0.0.1:{self.server_port}/file.bin"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()
