"""The routes of the page with answers made up at once: discs and boxes instead of a network's masks."""

from __future__ import annotations

import io
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from samara.masks.drawing.colours import colour
from samara.masks.rle import encode_mask
from samara.serving.palette import stylesheet

PAGE = Path(__file__).parents[2] / "src" / "samara" / "serving" / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
WIDTH, HEIGHT = 320, 240


class FakeServer:
    """What the server knows; tests read it and break it."""

    def __init__(self, images=6):
        self.names = [f"image_{number:05}.jpg" for number in range(images)]
        self.objects, self.classes = {}, ["leaf", "stone"]
        self.requests = []
        self.delay = 0  # of answers, in seconds
        self.keys = False  # whether answers can be corrected
        self.failure = None  # (part of a path, status, sentence)
        self.address = None

    def session(self):
        return {
            "folder": "images of a test",
            "store": "its store",
            "images": len(self.names),
            "checkpoints": [checkpoint("mobile_sam"), checkpoint("samara_mini", default=True)],
            "formats": [
                {"name": "yolo", "title": "YOLO labels, a text file per image; one polygon per mask, loss measured"}
            ],
            "classes": self.coloured(),
        }

    def coloured(self):
        return [
            {"name": name, "colour": "#{:02x}{:02x}{:02x}".format(*colour(index))}
            for index, name in enumerate(self.classes)
        ]

    def rows(self, offset, limit):
        found = range(len(self.names))[offset : offset + limit]
        return {"total": len(self.names), "images": [self.row(number) for number in found]}

    def row(self, number):
        saved = self.objects.get(str(number))
        facts = {"id": number, "name": self.names[number], "width": WIDTH, "height": HEIGHT}
        state = "new" if saved is None else "annotated"
        return {
            **facts,
            "state": state,
            "objects": len(saved or ()),
            "doubt": 1 / (1 + number),
            "reason": "small masks",
        }

    def saved(self, number):
        objects = self.objects.get(number, [])
        return {"revision": self.revision(number), "state": "annotated", "objects": objects}

    def revision(self, number):
        return str(hash(json.dumps(self.objects.get(number, []), sort_keys=True)))

    def save(self, number, objects, expected):
        """Return (status, body), as the server does."""
        if expected not in (None, self.revision(number)) and objects != self.objects.get(number):
            return 409, {"error": "Another wrote in between.", "revision": self.revision(number)}
        self.objects[number] = objects
        return 200, {"revision": self.revision(number), "state": "annotated"}


def checkpoint(name, *, default=False):
    thresholds = {"predicted_iou": 0.6, "stability": 0.8}
    return {"name": name, "title": name, "default": default, "everything": True, "thresholds": thresholds}


def predicted(asked):
    """Discs of three sizes around the mean of the points, or the box."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    if asked["box"]:
        x0, y0, x1, y1 = asked["box"]
        return [answer((columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1), 0.97)]
    x, y = np.mean([point for point, label in zip(asked["points"], asked["labels"], strict=True) if label], axis=0)
    distance = np.hypot(columns - x, rows - y)
    single = len(asked["points"]) == 1 and asked["answers"] == "three"
    most = 0.95 if asked["checkpoint"] == "samara_mini" else 0.85
    return [answer(distance < radius, most - radius / 500) for radius in ((20, 40, 60) if single else (30,))]


def proposed():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return [
        answer(np.hypot(columns - x, rows - y) < 8 + number, 0.5 + number / 40, 0.7 + number / 80)
        for number, (x, y) in enumerate((x, y) for y in range(30, HEIGHT, 60) for x in range(30, WIDTH, 60))
    ]


def answer(mask, predicted_iou, stability=None):
    return {"mask": encode_mask(mask).to_coco(), "predicted_iou": predicted_iou, "stability": stability, "key": None}


def picture(number):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([rows % 256, columns % 256, np.full_like(rows, 40 * number % 256)], axis=-1)
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


class Handler(BaseHTTPRequestHandler):
    fake: FakeServer
    protocol_version = "HTTP/1.0"  # a connection that stays open would outlive the server

    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def do_PUT(self):
        self.answer("PUT")

    def log_message(self, *_):
        pass

    def answer(self, method):
        url = urlsplit(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = json.loads(sent) if sent else None
        self.fake.requests.append((method, url.path, asked))
        if self.fake.failure is not None and self.fake.failure[0] in url.path:
            _, status, sentence = self.fake.failure
            return self.reply(json.dumps({"error": sentence}).encode(), "application/json", status)
        parts = url.path.strip("/").split("/")
        if parts[0] in ("", "page"):
            return self.file(parts[-1] or "index.html")
        status, found = self.found(method, parts, asked, parse_qs(url.query))
        if isinstance(found, bytes):
            return self.reply(found, "image/png")
        return self.reply(json.dumps(found).encode(), "application/json", status)

    def found(self, method, parts, asked, query):
        known = self.got(parts, query) if method == "GET" else self.sent(parts, asked)
        return known or (404, {"error": "No such route."})

    def got(self, parts, query):
        match parts:
            case ["session"]:
                return 200, self.fake.session()
            case ["images"]:
                return 200, self.fake.rows(int(query["offset"][0]), int(query["limit"][0]))
            case ["images", number]:
                return 200, self.fake.row(int(number))
            case ["images", number, "thumbnail" | "pixels"]:
                return 200, picture(int(number))
            case ["images", number, "objects"]:
                return 200, self.fake.saved(number)
            case ["export", _]:
                return 200, {"images": len(self.fake.objects)}

    def sent(self, parts, asked):
        match parts:
            case ["images", number, "objects"]:
                return self.fake.save(number, asked["objects"], self.headers.get("If-Match"))
            case ["classes"]:
                self.fake.classes = [one["name"] for one in asked["classes"]]
                return 200, {"classes": self.fake.coloured()}
            case ["embed"]:
                return 200, {}
            case ["predict"]:
                time.sleep(self.fake.delay)
                return 200, {"answers": self.keyed(predicted(asked))}
            case ["everything"]:
                return 200, {"proposals": proposed()}

    def keyed(self, answers):
        return [{**one, "key": f"answer {place}" if self.fake.keys else None} for place, one in enumerate(answers)]

    def file(self, name):
        if name == "palette.css":
            return self.reply(stylesheet().encode(), "text/css")
        return self.reply((PAGE / name).read_bytes(), TYPES[Path(name).suffix])

    def reply(self, body, kind, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'",
        )
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(fake, port=0):
    """Run a fake server; its address is in `fake.address`."""
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (Handler,), {"fake": fake}))
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
