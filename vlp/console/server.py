"""Server of the console, until it is interrupted."""

from __future__ import annotations

import socket
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final

import uvicorn

from vlp.console.access import Access
from vlp.console.app import application
from vlp.console.desk import Desk
from vlp.console.runner import Runner
from vlp.domains.base import domain
from vlp.errors import FolderError, UsageError
from vlp.process import print_result

if TYPE_CHECKING:
    from vlp.cli.serve import Serve

HOST = "127.0.0.1"
MOST_HEADERS: Final = 2**20
"""Bytes of a request's headers. A browser sends along the cookies of all ports of this machine, up to 180 of
4 kB, and the request to stop is one of those that carry them."""


def serve(options: Serve) -> int:
    """Print the address and serve it; the exit code. Raises UsageError, FolderError, WeightsError."""
    world = domain(options.world)
    world.verify(options.weights)
    root = options.out.absolute()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(
            f"out: expected a folder to write to, got {root}: {error.strerror}; choose another"
        ) from error
    with _listening(options.port) as listener:
        port, token = listener.getsockname()[1], token_urlsafe(24)
        runner = Runner(options, root, desk := Desk(world.check_subgoal))
        app = application(runner, desk, token=token, port=port)
        url = f"http://{HOST}:{port}/?token={token}"
        if options.json:
            print_result({"url": url, "token": token})
        else:
            print(f"console: {url}", flush=True)
        try:
            uvicorn.Server(configured(app)).run(sockets=[listener])
        finally:
            runner.close()
    return 0


def configured(app: Access) -> uvicorn.Config:
    """How the console is served."""
    return uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=1, http="h11",
        h11_max_incomplete_event_size=MOST_HEADERS,
    )  # fmt: skip


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # whoever follows the address before the server runs waits, and is not refused
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port: expected one that is free, got {port}: {error.strerror}; choose another, or 0"
        ) from error
    return listener
