"""A server of chat completions on the loopback interface that answers by a function.

A public fake for tests of whatever talks to a VLM: the sockets and the protocol are real, the model is not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

Body = Mapping[str, Any]
Answer = Callable[[Body], Body]
"""From the JSON of a request to that of a reply."""
Send = Callable[[BaseHTTPRequestHandler, bytes, int], None]
"""Sends the body of a reply to the request of a number, 0, 1, ...; where it misbehaves, it is a fault."""


def reply(*texts: str, usage: tuple[int, int] | None = (100, 10), logprobs: Any = None) -> Body:
    """A chat completion with a choice a text; usage: tokens given and answered."""
    choices = [
        {
            "index": number,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
            "logprobs": logprobs,
        }
        for number, text in enumerate(texts)
    ]
    found: dict[str, Any] = {"id": "fake", "object": "chat.completion", "created": 0, "model": "fake"}
    found["choices"] = choices
    if usage is not None:
        found["usage"] = {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
        }
    return found


def digit_chances(rows: Sequence[Mapping[str, float]]) -> Body:
    """Log-probabilities of tokens: for each, its alternatives and their logarithms; the first is said."""
    return {
        "content": [
            {
                "token": next(iter(row)),
                "logprob": next(iter(row.values())),
                "top_logprobs": [{"token": token, "logprob": chance} for token, chance in row.items()],
            }
            for row in rows
        ]
    }


def send_status(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Send a whole reply."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def send_well(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
    """As a server should."""
    send_status(handler, 200, body)


class ChatServer:
    """A context manager; serves on 127.0.0.1 at a free port.

    Args:
        answer: gives the replies.
        send: sends them.
    """

    def __init__(self, answer: Answer, send: Send = send_well) -> None:
        self.requests: list[Body] = []
        """What was asked."""
        self.times: list[float] = []
        """When, `time.monotonic` seconds."""
        self.keys: list[str] = []
        """The authorization of each."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(answer, send))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self, answer: Answer, send: Send) -> type[BaseHTTPRequestHandler]:
        log = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                number = len(log.requests)
                log.requests.append(request)
                log.times.append(time.monotonic())
                log.keys.append(self.headers.get("Authorization", ""))
                try:
                    send(self, json.dumps(answer(request)).encode(), number)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client went away, as it may

            def log_message(self, format: str, *args: Any) -> None: ...

        return Handler
