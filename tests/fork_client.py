"""What a program that starts commands by itself can start in place of `python -m vlp`: it asks for a fork.

`python -S -E fork_client.py PATH ARGUMENTS...`: its streams, folder and environment are the fork's, its end
is the fork's end, and SIGINT and SIGTERM are passed on. Only the standard library, so that it starts at once.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence


def ask(
    path: str,
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    streams: Sequence[int],
    code: str = "",
) -> tuple[socket.socket, int]:
    """Begin `vlp`, or `code`, with these streams; returns who will tell how it ended, and its process id."""
    request = os.memfd_create("request")
    command = {
        "arguments": list(arguments), "folder": folder, "environment": dict(environment), "code": code,
    }  # fmt: skip
    with open(request, "wb", closefd=False) as file:
        file.write(json.dumps(command).encode())
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(path)
    socket.send_fds(connection, [b"1"], [*streams, request])
    os.close(request)
    pid = int.from_bytes(connection.recv(8))
    assert pid, "expected a process to be split off"
    return connection, pid


def ended(connection: socket.socket) -> int:
    """Wait for its end; its exit code, minus the signal that ended it."""
    with connection:
        said = connection.recv(8)
    assert said, "expected to be told how the process ended"
    return os.waitstatus_to_exitcode(int.from_bytes(said))


def main() -> None:
    connection, pid = ask(sys.argv[1], sys.argv[2:], os.getcwd(), os.environ, (0, 1, 2))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    for stream in (0, 1, 2):
        os.close(stream)
    code = ended(connection)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
