"""Access to the console: for whoever has its token, from its own page, under its own name.

The token comes as a cookie (set by the address that `vlp serve` prints) or as `Authorization: Bearer`. The
Host has to be ours, so that no other name can be made to point here (DNS rebinding); what changes something
has to come from our own page (Origin), unless it carries the token itself.
"""

from __future__ import annotations

from secrets import compare_digest
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE: Final = ("GET", "HEAD")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Access:
    """An ASGI application behind a token.

    Args:
        token: what everyone has to have.
        port: of the server; with 127.0.0.1 and localhost it makes the names under which it may be asked.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app, self._token = app, token
        self.cookie = f"vlp-{port}"
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in, answer the rest."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = self._refusal(scope) if scope["type"] == "http" else PlainTextResponse("http only", 401)
        await (answer or self._app)(scope, receive, _careful(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        entered = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and scope["method"] == "GET" and self._is_token(entered):
            return self._welcome() if headers.get("host") in self._hosts else _no(403, "host")
        bearer = self._is_token(headers.get("authorization", "").removeprefix("Bearer "))
        if not (bearer or self._has_cookie(headers)):
            return _no(401, "token")
        if headers.get("host") not in self._hosts:
            return _no(403, "host")
        origin = headers.get("origin")
        if origin is None and (bearer or scope["method"] in SAFE):
            return None
        return None if origin in [f"http://{host}" for host in self._hosts] else _no(403, "origin")

    def _is_token(self, given: str) -> bool:
        return compare_digest(given.encode("utf-8", "replace"), self._token.encode())

    def _has_cookie(self, headers: Headers) -> bool:
        """Cookies belong to a host with all its ports: those of others may hold anything, our name too."""
        cookies = (one.partition("=") for line in headers.getlist("cookie") for one in line.split(";"))
        return any(
            name.strip() == self.cookie and self._is_token(value.strip().strip('"'))
            for name, _, value in cookies
        )

    def _welcome(self) -> Response:
        """From the address with the token to the one without."""
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self._token, httponly=True, samesite="strict")
        return answer


_WORDS: Final = {
    "token": "expected the console's token, got none or another one; open the address that vlp serve printed",
    "host": "expected the console's own host name, got another one; open the address that vlp serve printed",
    "origin": "expected a request of the console's own page, got one of another; nothing was done",
}


def _no(code: int, what: str) -> Response:
    return PlainTextResponse(_WORDS[what], code)


def _careful(send: Send) -> Send:
    """Every answer with headers that keep browsers from guessing, framing and running anything else."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in {**_HEADERS, "content-security-policy": POLICY}.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending
