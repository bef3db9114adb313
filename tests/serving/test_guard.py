"""Who may ask: no stranger's page, no stranger's name, no one without the token, nothing too large or too slow."""

from __future__ import annotations

import asyncio
import base64

import pytest

from samara.serving.guard import HEADERS, Guard
from tests.serving.conftest import ADDRESS, TOKEN, app_of, client_of

BARE = {"Authorization": ""}


@pytest.fixture
def ask(fixed_client):
    def get(path="/session", method="GET", **headers):
        fixed_client.cookies.clear()
        return fixed_client.request(method, path, headers=BARE | headers, follow_redirects=False)

    return get


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"token {TOKEN}"},
        {"Authorization": "Basic " + base64.b64encode(f"anybody:{TOKEN}".encode()).decode()},
        {"Token": TOKEN},
        {"Cookie": f"other=1; samara-8421={TOKEN}"},
    ],
)
def test_the_token_opens_in_every_way_of_giving_it(ask, headers):
    assert ask(**headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Basic \xe9"},
        {"Token": TOKEN[:-1]},
        {"Cookie": f"samara-8888={TOKEN}"},
        {"Cookie": "samara-8421=\xe9; =; ,"},
    ],
)
@pytest.mark.parametrize("path", ["/session", "/images/1/pixels", "/metrics", "/openapi.json", "/nothing", "/page"])
def test_without_it_nothing_is_answered(ask, headers, path):
    headers = {name: value.encode("latin-1") for name, value in headers.items()}
    response = ask(path, **headers)
    assert response.status_code == 401
    assert "token" in response.json()["error"]
    assert TOKEN not in response.text


def test_the_printed_address_leaves_the_token_in_a_cookie(ask):
    response = ask(f"/?token={TOKEN}")
    assert response.status_code == 303
    assert response.headers["location"] == "/"
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"samara-8421={TOKEN};")
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    for path in ("/", "/?token=wrong"):
        refused = ask(path)
        assert refused.status_code == 401
        assert "open the address" in refused.text
    assert ask(f"/session?token={TOKEN}").status_code == 401


def test_health_needs_no_token(ask):
    assert ask("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("host", ["127.0.0.1:8421", "localhost", "LOCALHOST:1", "[::1]:8421", "192.168.1.7"])
def test_addresses_of_this_machine_are_answered(ask, host):
    assert ask("/healthz", Host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8421", "", "[::1", "localhost.evil.example"])
def test_other_names_are_not(ask, host):
    response = ask("/healthz", Host=host)
    assert response.status_code == 421
    assert "does not answer for" in response.json()["error"]


def test_names_are_allowed_by_name(tmp_path, small_mini):
    with client_of(app_of(tmp_path, small_mini, allowed_hosts=["Annotate.Example"]), Host="annotate.example") as client:
        assert client.get("/session").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "null"},
        {"Origin": "http://[evil"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_pages_of_other_origins_get_nothing(ask, headers, method):
    response = ask("/classes", method, Authorization=f"Bearer {TOKEN}", **headers)
    assert response.status_code == 403


def test_the_own_page_and_links_to_it_are_answered(ask):
    own = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}
    assert ask(Authorization=f"Bearer {TOKEN}", **own).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask(f"/?token={TOKEN}", **link).status_code == 303


def test_every_answer_has_the_headers(ask):
    for response in (ask("/healthz"), ask("/session"), ask("/healthz", Host="evil.example"), ask("/nothing")):
        assert {name: response.headers[name] for name in HEADERS} == HEADERS
        assert "cache-control" in response.headers


def test_too_many_bytes_are_refused(tmp_path, small_mini):
    with client_of(app_of(tmp_path, small_mini, max_upload_mb=0.001)) as client:
        for content in (b"x" * 1001, iter([b"x" * 600] * 2)):
            response = client.post("/embed/file", content=content)
            assert response.status_code == 413
            assert "1000 bytes" in response.json()["error"]
        body = iter([b'{"image": 1, "points": [[1, 2]], "checkpoint": "', b"x" * 1000, b'"}'])
        assert client.post("/predict", content=body, headers={"Content-Type": "application/json"}).status_code == 413


async def read_all(scope, receive, send):
    while (await receive()).get("more_body"):
        pass


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_request_that_does_not_come_to_an_end(kind):
    async def never():
        await asyncio.sleep(60)

    guard = Guard(read_all, token=TOKEN, max_bytes=10, patience_s=0.05)
    headers = [(b"host", b"localhost"), (b"token", TOKEN.encode())]
    scope = {"type": kind, "path": "/", "method": "POST", "query_string": b"", "headers": headers}
    if kind == "websocket":
        asyncio.run(guard(scope, never, None))  # hung up
    else:
        with pytest.raises(Exception, match=r"within 0\.05 s"):
            asyncio.run(guard(scope, never, None))
