"""A headless Chromium, driven through its own pipe: layout, colours, errors, screenshots, mouse, keys and fingers."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to lay pages out")

_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-pipe"
)


class Browser:
    """Chromium with one page. `with Browser(folder) as browser: browser.open(path, width=390, dark=True)`."""

    def __init__(self, folder):
        self.folder, self.number, self.errors = Path(folder), 0, []
        self.own_address = "file:"

    def __enter__(self):
        (their_in, self.out), (self.back, their_out) = os.pipe(), os.pipe()
        command = [CHROMIUM, *_OPTIONS.split(), f"--user-data-dir={self.folder / 'profile'}", "about:blank"]
        # Chromium reads commands from descriptor 3 and answers on 4.
        script = f'exec 3<&{their_in} 4>&{their_out}; exec "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", script, "chromium", *command], pass_fds=(their_in, their_out), stderr=subprocess.DEVNULL
        )
        os.close(their_in)
        os.close(their_out)
        self.rest = b""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        os.close(self.out)
        os.close(self.back)
        self.process.terminate()
        self.process.wait(timeout=20)

    def ask(self, method, **parameters):
        """Send a command about the page and return its result."""
        return self._ask(method, session=self.session, **parameters)

    def open(self, path, *, width, dark=False):
        """Show a file in a window of a width; what it complains about is in `errors`."""
        self._show(Path(path).absolute().as_uri(), width=width, height=844, dark=dark)

    def visit(self, address, *, width, height=844, dark=False):
        """Show what a server has at an address; other servers may not be asked."""
        self._show(address, width=width, height=height, dark=dark)

    def reload(self):
        """Load the page again."""
        self.ask("Page.reload")
        self._until("Page.loadEventFired")

    def _show(self, address, *, width, height, dark):
        self.ask("Page.navigate", url="about:blank")  # what the page before still says is its own matter
        self._until("Page.loadEventFired")
        self.errors.clear()
        self.own_address = "/".join(address.split("/")[:3])
        is_phone = width < 700
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone)
        self.ask("Emulation.setTouchEmulationEnabled", enabled=is_phone, maxTouchPoints=2 if is_phone else 1)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.ask("Page.navigate", url=address)
        self._until("Page.loadEventFired")

    def tell(self, expression):
        """Evaluate JavaScript in the page and return its JSON value; the page's own rules do not apply to it."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path):
        """Write the whole page as a PNG."""
        data = self.ask("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def wait_for(self, expression, seconds=10):
        """Return the value of an expression once it is true."""
        end = time.monotonic() + seconds
        while not (value := self.tell(expression)):
            assert time.monotonic() < end, f"never came true: {expression}; the page complains: {self.errors}"
            time.sleep(0.02)
        return value

    def move(self, x, y, **facts):
        """Move the mouse to a place of the window."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, **facts)

    def click(self, x, y, button="left", modifiers=0):
        """Click on a place of the window; 1 is Alt, 2 Ctrl, 8 Shift."""
        self.move(x, y, modifiers=modifiers)
        facts = {"x": x, "y": y, "button": button, "clickCount": 1, "modifiers": modifiers}
        self.ask("Input.dispatchMouseEvent", type="mousePressed", **facts)
        self.ask("Input.dispatchMouseEvent", type="mouseReleased", **facts)

    def drag(self, start, end, button="left"):
        """Press at a place of the window, move to another in steps and let go."""
        facts = {"button": button, "clickCount": 1}
        self.move(*start)
        self.ask("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], **facts)
        for step in range(1, 5):
            x, y = (a + (b - a) * step / 4 for a, b in zip(start, end, strict=True))
            self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button=button, buttons=1)
        self.ask("Input.dispatchMouseEvent", type="mouseReleased", x=end[0], y=end[1], **facts)

    def wheel(self, x, y, delta):
        """Turn the wheel over a place of the window."""
        self.ask("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=delta)

    def touch(self, *places):
        """Put fingers onto places of the window, move them along and lift them; each place is a list of points."""
        for step, points in enumerate(zip(*places, strict=True)):
            fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
            self.ask("Input.dispatchTouchEvent", type="touchMove" if step else "touchStart", touchPoints=fingers)
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def type(self, text):
        """Write a text where the focus is."""
        self.ask("Input.insertText", text=text)

    def press(self, key, code, text="", modifiers=0):
        """Press a key on the page; modifiers: 1 is Alt, 2 Ctrl, 8 Shift."""
        facts = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **facts)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **facts)

    def _ask(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer)
                return answer["result"]

    def _until(self, event):
        while self._read().get("method") != event:
            pass

    def _read(self):
        while b"\0" not in self.rest:
            piece = os.read(self.back, 1 << 16)
            assert piece, "chromium ended"
            self.rest += piece
        line, _, self.rest = self.rest.partition(b"\0")
        found = json.loads(line)
        if found.get("method") == "Log.entryAdded":
            self.errors.append(found["params"]["entry"]["text"])
        if found.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(found["params"]))
        if found.get("method") == "Network.requestWillBeSent":
            url = found["params"]["request"]["url"]
            if not url.startswith((self.own_address, "data:", "about:", "blob:")):
                self.errors.append(f"asks the network for {url}")
        return found
