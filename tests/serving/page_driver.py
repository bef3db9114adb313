"""The page in a browser, by what people do with it."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
from PIL import Image

KEYS = {
    "Enter": 13,
    "Escape": 27,
    "Delete": 46,
    " ": 32,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
ALT, CTRL, SHIFT = 1, 2, 8

READY = "document.querySelector('#stage-note').hidden && document.querySelector('#image-name').textContent !== ''"


class PageDriver:
    """A browser on the page; places are given in pixels of the image."""

    def __init__(self, browser):
        self.browser = browser

    def open(self, address, *, width=1280, height=800, dark=False):
        self.browser.visit(address, width=width, height=height, dark=dark)
        self.wait(READY)
        return self

    def tell(self, expression):
        return self.browser.tell(expression)

    def wait(self, expression, seconds=10):
        return self.browser.wait_for(expression, seconds)

    def text(self, selector):
        return self.tell(f"document.querySelector({selector!r}).innerText")

    def stage(self, side=0):
        """Left, top, width and height of a stage in the window."""
        return self.tell(
            f"(({{left, top, width, height}}) => [left, top, width, height])"
            f"(document.getElementById('stage-{side}').getBoundingClientRect())"
        )

    def place(self, x, y, side=0):
        """Where a pixel of the image is in the window, while the image is fitted to the stage."""
        left, top, width, height = self.stage(side)
        image_width, image_height = map(int, self.text("#image-name").split(" · ")[1].split(" × "))
        scale = min((width - 24) / image_width, (height - 24) / image_height, 40)
        return (
            left + (width - image_width * scale) / 2 + (x + 0.5) * scale,
            top + (height - image_height * scale) / 2 + (y + 0.5) * scale,
        )

    def click(self, x, y, **facts):
        self.browser.click(*self.place(x, y), **facts)

    def hover(self, x, y):
        self.browser.move(*self.place(x, y))

    def drag(self, start, end):
        self.browser.drag(self.place(*start), self.place(*end))

    def key(self, key, modifiers=0):
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = KEYS.get(key, ord(key.upper()) if len(key) == 1 else 0)
        self.browser.press(key, code, "" if modifiers & CTRL else text, modifiers)

    def press(self, command):
        """Press a button by its command."""
        self.tell(f"document.querySelector('[data-command={command}]').click()")

    def wait_until_quiet(self, seconds=60):
        """Until the image is embedded and everything asked is answered."""
        time.sleep(0.1)  # for the page to begin
        self.wait("document.querySelector('#stages').ariaBusy === 'false'", seconds)

    def wait_for_answer(self, seconds=60):
        self.wait_until_quiet(seconds)
        assert not self.tell("document.querySelector('[data-command=accept]').disabled")

    def wait_for_objects(self, count, seconds=10):
        self.wait(f"document.querySelectorAll('#objects .object').length === {count}", seconds)

    def wait_until_saved(self, seconds=10):
        self.wait("document.querySelector('#saving').textContent === 'Saved'", seconds)

    def painted(self, canvas=1, side=0):
        """Pixels of a canvas as RGBA; canvas 0 has the image and its objects, 1 what follows the pointer."""
        address = self.tell(f"document.querySelectorAll('#stage-{side} canvas')[{canvas}].toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA"))

    def opacity_at(self, x, y, canvas=1, side=0):
        """Opacity of a canvas over a pixel of the image."""
        left, top, _, _ = self.stage(side)
        at_x, at_y = self.place(x, y, side)
        return int(self.painted(canvas, side)[int(at_y - top), int(at_x - left), 3])
