"""The real server as a process, in front of the images in a folder."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request


class Server:
    """`samara serve` as a process that can be killed and started again at the same address."""

    def __init__(self, folder, *more):
        self.folder, self.log, self.more = folder, folder / "log.txt", more
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.start()

    def command(self, *arguments):
        homes = {name: str(self.folder / "home") for name in ("SAMARA_HOME", "SAMARA_STATE", "SAMARA_CACHE")}
        return {"args": [sys.executable, "-m", "samara", *map(str, arguments)], "env": {**os.environ, **homes}}

    def start(self):
        place = ["--out", self.folder / "store", "--port", self.port, "--no-open"]
        command = self.command("serve", self.folder / "images", *place, *self.more)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(**command, stdout=log, stderr=log)
        self.wait_until_it_answers()

    def wait_until_it_answers(self, seconds=60):
        deadline = time.monotonic() + seconds
        while not (found := re.search(r"(http://\S+/)\?token=(\S+)", self.log.read_text())) or not self.is_there():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        self.address, self.token = found[0], found[2]

    def is_there(self):
        with socket.socket() as knocking:
            return knocking.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, route):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{route}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def objects(self, name="dog.jpg"):
        found = self.ask("images?order=name")["images"]
        (number,) = [image["id"] for image in found if image["name"] == name]
        return self.ask(f"images/{number}/objects")["objects"]
