"""A headless Chromium, driven through its own pipe: layout, colours, errors and screenshots of a page."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
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
        self.errors.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 700)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.ask("Page.navigate", url=Path(path).absolute().as_uri())
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

    def press(self, key, code, text=""):
        """Press a key on the page."""
        facts = {"key": key, "windowsVirtualKeyCode": code}
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
            if not url.startswith(("file:", "data:", "about:")):
                self.errors.append(f"asks the network for {url}")
        return found
