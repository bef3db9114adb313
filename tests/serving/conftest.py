"""A server of six small images, asked without a network in between."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from samara.serving.serve import make_server
from samara.serving.settings import ServeSettings
from tests.annotation.conftest import write_images

TOKEN = "a-token-for-tests-only"
ADDRESS = "http://127.0.0.1:8421"
SIZE_HW = 32, 40


def app_of(folder, loaded, count=6, **settings):
    write_images(folder / "images", count, size=SIZE_HW[::-1])
    chosen = ServeSettings(embedding_cache=folder / "embeddings", **settings)
    return make_server(folder / "images", folder / "store", [loaded], chosen, token=TOKEN)


def client_of(app, **headers):
    return TestClient(
        app, base_url=ADDRESS, headers={"Authorization": f"Bearer {TOKEN}"} | headers, raise_server_exceptions=False
    )


@pytest.fixture
def images(tmp_path):
    """A folder of six small images."""
    write_images(tmp_path / "images", 6)
    return tmp_path / "images"


@pytest.fixture(scope="session")
def fixed_client(tmp_path_factory, small_mini):
    """One for tests that save nothing."""
    with client_of(app_of(tmp_path_factory.mktemp("served"), small_mini)) as client:
        yield client


@pytest.fixture
def app(tmp_path, small_mini):
    return app_of(tmp_path, small_mini)


@pytest.fixture
def client(app):
    with client_of(app) as client:
        yield client
