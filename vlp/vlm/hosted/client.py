"""HTTP client under the openai client: guards against a server that is wrong, or that is not there.

Nothing is sent elsewhere than to the address that was given: redirects are not followed, and what is on this
machine is not asked for by way of a proxy. Bodies of errors are read up to a limit. What becomes of each
request is written down, since the openai client repeats requests without a word.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
import openai

from vlp.vlm.hosted.words import words

LARGEST_ERROR: Final = 16_384
"""Bytes of an error's body that are read."""
ERROR_SECONDS: Final = 2.0
"""For which an error's body is waited for."""
UNMET: Final = 3
"""Connections to an address that never answered that may fail before a question is given up: a server that is
there and starts anew has longer."""
_DECODED: Final = ("", "identity", "gzip", "deflate")
"""Encodings in which a body is at most a thousand times as large as what comes over the line."""


@dataclass
class Trace:
    """What became of the requests of one question."""

    last: str = ""
    """In a few words; empty while nothing has gone wrong."""
    unconnected: int = 0


@dataclass
class Server:
    """What is known of a server from one client to the next."""

    reached: bool = False
    """Whether it has ever answered."""


TRACE: ContextVar[Trace] = ContextVar("trace")


class Client(httpx2.AsyncClient):
    """Asks one address.

    Args:
        url: the address.
        server: what is known of it, and what becomes known.
    """

    def __init__(self, url: str, server: Server) -> None:
        self._server = server
        super().__init__(
            transport=_direct(url) if loopback(url) else None,
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
        )

    async def send(self, request: httpx2.Request, *args: Any, **more: Any) -> httpx2.Response:
        """As httpx does; raises `openai.APIConnectionError`, which is not repeated, for an address that was
        never met."""
        trace = TRACE.get(None) or Trace()
        try:
            response = await super().send(request, *args, **more)
        except (httpx2.ConnectError, httpx2.ProxyError) as error:
            trace.last, trace.unconnected = unconnected(error, str(request.url)), trace.unconnected + 1
            if not self._server.reached and trace.unconnected >= UNMET:
                raise openai.APIConnectionError(request=request) from error
            raise
        except httpx2.RequestError as error:
            trace.last = f"a broken connection ({type(error).__name__})"
            raise
        self._server.reached = True
        if response.headers.get("content-encoding", "").strip().lower() not in _DECODED:
            del response.headers["content-encoding"]
        if not response.is_success:
            trace.last = f"status {response.status_code}"
            response.stream = _Bounded(response.stream)
            await response.aread()
            trace.last = f"status {response.status_code} ({words(response.text)})"
        return response


class _Bounded(httpx2.AsyncByteStream):
    """The beginning of a stream, ending where that takes too many bytes or too long."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        end, left = time.monotonic() + ERROR_SECONDS, LARGEST_ERROR
        chunks = aiter(self._stream)
        while left > 0:
            try:
                async with asyncio.timeout(max(end - time.monotonic(), 0.0)):
                    chunk = await anext(chunks)
            except (StopAsyncIteration, TimeoutError, httpx2.RequestError):
                return
            yield chunk[:left]
            left -= len(chunk)

    async def aclose(self) -> None:
        await self._stream.aclose()


def loopback(url: str) -> bool:
    """Whether an address is this very machine's."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        try:
            found = ipaddress.ip_address(socket.inet_aton(host))  # 127.1 is one too
        except OSError:
            return False
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or found.is_unspecified


def _direct(url: str) -> httpx2.AsyncHTTPTransport:
    """A way past every proxy; without certificates where none are looked at."""
    return httpx2.AsyncHTTPTransport(verify=urlsplit(url).scheme != "http")


def unconnected(error: BaseException, url: str) -> str:
    """Why there is no connection, with the name of a proxy's variable where it leads through one."""
    return f"no connection ({_root(error)}){_by_way_of(url)}"


def _root(error: BaseException) -> str:
    """The first cause, in the words of the operating system where they are its."""
    chain = list(_causes(error))[::-1]
    own = next((found for found in chain if isinstance(found, OSError) and found.strerror), None)
    if own is None:
        return next((str(found) for found in chain if str(found)), type(error).__name__)
    # Asyncio puts words of its own in their place.
    system = (isinstance(own, ConnectionError) or type(own) is OSError) and own.errno
    return os.strerror(system) if system else str(own.strerror)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(20):
        if error is None:
            return
        yield error
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        else:
            error = error.__cause__ or error.__context__


def _by_way_of(url: str) -> str:
    parts, proxies = urlsplit(url), getproxies()
    name = next((name for name in (parts.scheme, "all") if proxies.get(name)), None)
    if name is None or loopback(url) or proxy_bypass(parts.hostname or ""):
        return ""
    variable = f"{name}_proxy"
    return f" by way of the proxy in {variable if variable in os.environ else variable.upper()}"


def ways() -> list[str]:
    """The environment's variables that say how a server is reached; of proxies, which may hold a password,
    the names alone."""
    found = [
        name
        for name in sorted(os.environ)
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") and os.environ[name]
    ]
    certificates = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    return found + [f"{name} ({os.environ[name]})" for name in certificates if os.environ.get(name)]
