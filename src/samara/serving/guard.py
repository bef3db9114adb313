"""Who may ask: checks of host, origin and token before any route, limits of the request, headers of every answer."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import json
import secrets
import socket
from collections.abc import Iterable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from samara.serving.refusals import Refused, too_large

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer: nothing is loaded from other hosts, framed or guessed."""

_OPEN_PATHS = ("/healthz",)
_OPEN_FOLDER = "/page/"
_LOCAL_NAMES = ("localhost",)
_OWN_SITE = ("same-origin", "none")
_TOLD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>samara</title>
<p>This server needs its token: open the address that <code>samara serve</code> printed.</p></html>"""


_NOT_ALLOWED = "the token is missing or wrong; send `Authorization: Bearer TOKEN`, or open the address that was printed"
_HOW_TO_GIVE_IT = {"WWW-Authenticate": 'Basic realm="samara"'}


class Guard:
    """Middleware in front of all routes.

    Args:
        app: the routes.
        token: token that every request must have, but for those of the page's own files and of `/healthz`.
        hosts: names under which the server may be asked, besides addresses of this machine.
        max_bytes: refuse larger requests.
        patience_s: refuse requests that take longer to arrive.
    """

    def __init__(
        self, app: ASGIApp, *, token: str, hosts: Iterable[str] = (), max_bytes: int, patience_s: float = 60.0
    ) -> None:
        self._app, self._token = app, token.encode()
        self._hosts = {name.lower() for name in (*_LOCAL_NAMES, *hosts)}
        self._max_bytes, self._patience_s = max_bytes, patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # there are no web sockets
        headers = Headers(scope=scope)
        send = _with_headers(send)
        try:
            _require_host(headers, self._hosts)
            _require_own_site(scope, headers)
            _require_size(headers, self._max_bytes)
        except Refused as refusal:
            await _answer(send, refusal.status, {"error": str(refusal)})
            return
        await self._authorised(scope, headers, _Body(receive, self._max_bytes, self._patience_s), send)

    async def _authorised(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/" and (given := _in_query(scope)) is not None and self._is_token(given):
            await _set_cookie(send, cookie_name(scope), given)
        elif _is_open(path) or any(map(self._is_token, tokens_in(scope, headers))):
            await self._app(scope, receive, send)
        elif path == "/":
            await _answer(send, HTTPStatus.UNAUTHORIZED, _TOLD)
        else:
            await _answer(send, HTTPStatus.UNAUTHORIZED, {"error": _NOT_ALLOWED}, _HOW_TO_GIVE_IT)

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), self._token)


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)


def own_hosts() -> tuple[str, ...]:
    """Return the names of this machine."""
    return socket.gethostname(), socket.getfqdn()


def cookie_name(scope: Scope) -> str:
    """Return the name of the cookie: one for each port, since browsers send cookies to all ports of a host."""
    server = scope.get("server")
    return f"samara-{server[1] if server else 0}"


def tokens_in(scope: Scope, headers: Headers) -> Iterable[str]:
    """Yield what a request gives as its token: bearer, password, the header of X-AnyLabeling, or the cookie."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() in ("bearer", "token"):
        yield given.strip()
    if kind.lower() == "basic":
        yield _password(given)
    if "token" in headers:
        yield headers["token"]
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(cookie_name(scope))
    except CookieError:
        return
    if cookie is not None:
        yield cookie.value


def _password(given: str) -> str:
    try:
        return base64.b64decode(given).decode().partition(":")[2]
    except ValueError:
        return ""


def _in_query(scope: Scope) -> str | None:
    values = parse_qs(scope["query_string"].decode("latin-1")).get("token")
    return values[0] if values else None


def _require_host(headers: Headers, hosts: set[str]) -> None:
    """Refuse foreign names, which other people's name servers can point at this machine; an address cannot lie."""
    name = _host_name(headers.get("host", ""))
    if name in hosts or _is_address(name):
        return
    raise Refused(
        HTTPStatus.MISDIRECTED_REQUEST,
        f"this server does not answer for {name[:80]!r}; open it by its address, or start it with that name allowed",
    )


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _require_own_site(scope: Scope, headers: Headers) -> None:
    """Refuse what pages of other origins ask; opening the page itself by a link is allowed."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    is_opening = scope["method"] == "GET" and scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate"
    is_foreign = origin is not None and _host_of(origin) != headers.get("host", "").lower()
    if is_foreign or (site is not None and site not in _OWN_SITE and not is_opening):
        raise Refused(HTTPStatus.FORBIDDEN, "this server answers its own page and programs, not pages of other origins")


def _host_of(origin: str) -> str:
    """Return host and port of an origin; empty for one without."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _require_size(headers: Headers, most: int) -> None:
    said = headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and int(said[:20]) > most:
        raise too_large(most)


class _Body:
    """The messages of a request, as long as they are not too many and come in time."""

    def __init__(self, receive: Receive, most: int, patience_s: float) -> None:
        self._receive, self._most, self._patience_s = receive, most, patience_s
        self._bytes, self._is_complete = 0, False

    async def __call__(self) -> Message:
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self._patience_s):
                message = await self._receive()
        except TimeoutError as error:
            sentence = f"the request did not arrive within {self._patience_s:g} s; send it again"
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, sentence) from error
        self._bytes += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._bytes > self._most:
            raise too_large(self._most)
        return message


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


async def _answer(send: Send, status: HTTPStatus, content: object, headers: dict[str, str] | None = None) -> None:
    is_page = isinstance(content, str)
    body = str(content).encode() if is_page else json.dumps(content).encode()
    kind = "text/html; charset=utf-8" if is_page else "application/json"
    all_headers = {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in all_headers.items()]
    await send({"type": "http.response.start", "status": int(status), "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _set_cookie(send: Send, name: str, token: str) -> None:
    """Keep the token in a cookie and open the page without it, so that it is in no history and no link."""
    cookie = f"{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"
    await _answer(send, HTTPStatus.SEE_OTHER, "", {"Location": "/", "Set-Cookie": cookie})
