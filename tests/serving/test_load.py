"""Load: clicks of 1, 8 and 32 clients, memory over thousands of requests, uploads that are slow or given up."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.annotation.conftest import write_images
from tests.serving.test_serve import started

pytestmark = pytest.mark.slow

CLICKS = 480


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("load")
    write_images(folder / "images", 4, size=(640, 480))
    process, client = started(folder)
    with client:
        for image in (1, 2, 3, 4):
            client.post("/embed", json={"image": image}).raise_for_status()
        yield process, client
    process.terminate()
    process.communicate()


def resident_mb(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def clicks(client, count, seconds):
    """Click at random places, and note how long each answer took."""
    own = httpx.Client(base_url=client.base_url, headers=client.headers, timeout=120)
    random = np.random.default_rng(threading.get_ident())
    with own:
        for _ in range(count):
            x, y = random.integers(0, 480, 2).tolist()
            start = time.perf_counter()
            body = {"image": int(random.integers(1, 5)), "points": [[x, y]], "answers": "best"}
            own.post("/predict", json=body).raise_for_status()
            seconds.append(time.perf_counter() - start)


def load(client, clients, count):
    seconds: list[float] = []
    threads = [threading.Thread(target=clicks, args=(client, count // clients, seconds)) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seconds) == count // clients * clients, "some clicks failed"
    return np.percentile(seconds, [50, 99]), len(seconds) / (time.perf_counter() - start)


def test_more_clients_are_answered_together(server, record_property):
    _, client = server
    load(client, 1, 20)
    rates = {}
    for clients in (1, 8, 32):
        (median, slow), rates[clients] = load(client, clients, CLICKS)
        record_property(f"clicks of {clients} clients", f"p50 {median:.3f} s, p99 {slow:.3f} s, {rates[clients]:.0f}/s")
        print(f"{clients:2} clients: p50 {median:.3f} s, p99 {slow:.3f} s, {rates[clients]:.1f} clicks/s")
        assert slow < 10 * clients * 0.2
    assert rates[8] > 0.8 * rates[1]


def test_memory_does_not_grow(server):
    process, client = server
    load(client, 8, 1000)
    before = resident_mb(process)
    load(client, 8, 4000)
    for number in range(200):
        client.get(f"/images/{1 + number % 4}/pixels").raise_for_status()
        client.post("/predict", content="{").read()
    after = resident_mb(process)
    print(f"memory: {before:.0f} MB, then {after:.0f} MB")
    assert after < before + 60


def test_uploads_that_are_given_up_leave_nothing(server):
    process, client = server
    host, port, before = "127.0.0.1", client.base_url.port, resident_mb(process)
    token = client.headers["Authorization"]
    head = f"POST /embed/file HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nContent-Length: 20000000\r\n\r\n"
    for _ in range(50):
        with socket.create_connection((host, port)) as connection:
            connection.sendall(head.encode() + b"x" * 1_000_000)
    with ExitStack() as stack:
        for _ in range(50):
            slow = stack.enter_context(socket.create_connection((host, port)))
            slow.sendall(head.encode() + b"x")
        (_, late), _ = load(client, 1, 40)
        assert late < 5
    time.sleep(1)
    assert resident_mb(process) < before + 120
