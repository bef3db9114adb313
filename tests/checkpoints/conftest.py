import pytest

from tests.checkpoints.server import Behaviour, Server


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    """No test meets the user's own store, or a proxy between it and its server."""
    for name in (
        "SAMARA_OFFLINE",
        "HF_HUB_OFFLINE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "store"))


@pytest.fixture
def serve():
    servers = []

    def start(content, **behaviour):
        server = Server(Behaviour(content, **behaviour))
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
