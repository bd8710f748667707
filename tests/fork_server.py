"""A process that has loaded the libraries and splits off a process of `vlp` whenever one is asked for.

Starting `vlp` costs six seconds of a core, nearly all of it for importing libraries. Here they are imported
once; each command is a fork, a process of its own with its own id, folder, environment, streams and signals,
which imports this project's packages anew. Run as `python -m tests.fork_server PATH`, the path of a socket
that it makes; it ends when its stdin is closed.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
from typing import Any, Final

LIBRARIES: Final = (
    "torch._dynamo", "torch.export", "scipy.stats", "scipy.sparse.csgraph", "gymnasium", "av",
    "jinja2", "pydantic", "rich.console", "rich.progress", "tyro", "pyarrow.parquet",
    "langgraph.graph", "langgraph.types", "langgraph.checkpoint.sqlite", "langgraph.checkpoint.postgres",
    "fastapi", "uvicorn", "sse_starlette",
    "diffusers.training_utils", "diffusers.pipelines.pipeline_utils",
    "diffusers.models.autoencoders.autoencoder_dc", "diffusers.models.autoencoders.autoencoder_rae",
    "diffusers.models.autoencoders.autoencoder_asym_kl",
    "diffusers.schedulers.scheduling_flow_match_euler_discrete",
    "transformers.models.paligemma.modeling_paligemma", "transformers.models.gemma.modeling_gemma",
    "transformers.models.auto.modeling_auto", "transformers.models.auto.processing_auto",
)  # fmt: skip
"""What a command would import; one that is missing costs time and nothing else. Not PyBullet, which is quick
to import and prints a line when it is: a command has to keep that from its own stdout."""


def load() -> None:
    """Import the libraries, none of this project's packages."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    ours = {"vlp", "planner", "video", "executors", "tasks"} & set(sys.modules)
    assert not ours, f"expected only libraries, got {ours}"
    gc.freeze()


def serve(listener: socket.socket) -> dict[str, Any] | None:
    """Wait for commands; returns one in the process that is split off for it, None once stdin is closed.
    Nothing is loaded before the first one.

    A command comes over a connection of its own as four descriptors: stdin, stdout, stderr, and a file that
    says what to run. The connection is told its process id and, when it has ended, how (eight bytes each, as
    `os.waitpid` says it).
    """
    loaded = False
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        if not loaded:
            load()
            loaded = True
        connection, _ = listener.accept()
        _, (*streams, request), _, _ = socket.recv_fds(connection, 1, 4)
        if os.fork():
            connection.close()
            for number in (*streams, request):
                os.close(number)
            while _reaped(os.WNOHANG):
                pass
            continue
        listener.close()
        if pid := os.fork():
            _keep(pid, streams, connection)
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        with open(request, encoding="utf-8") as file:
            file.seek(0)
            command: dict[str, Any] = json.load(file)
        return command
    while _reaped(0):
        pass
    return None


def _reaped(how: int) -> bool:
    """Whether one of those who wait for a command has ended, and was seen off; `how` as of `os.waitpid`."""
    try:
        return os.waitpid(-1, how)[0] != 0
    except ChildProcessError:
        return False


def _keep(pid: int, streams: list[int], connection: socket.socket) -> None:
    """Wait for a command as its parent; never returns."""
    for stream in streams:
        os.close(stream)
    with contextlib.suppress(BrokenPipeError):  # whoever asked may have left
        connection.send(pid.to_bytes(8))
    status = os.waitpid(pid, 0)[1]
    with contextlib.suppress(BrokenPipeError):
        connection.send(status.to_bytes(8))
    os._exit(0)


def become(command: dict[str, Any]) -> None:
    """This process goes on as `python -m vlp`, or as `python -c` where code is given; its end is the end of
    it. Only films of runs are small."""
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [path for path in paths if path and path not in sys.path]
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(encoding=encoding, errors="backslashreplace" if stream is sys.stderr else "strict")
    sys.stdout.reconfigure(line_buffering=False)  # type: ignore[union-attr]
    from tests import films  # which imports some of this project's packages

    films.set_size(films.SMALL)
    sys.argv = ["-c" if command["code"] else "vlp", *command["arguments"]]
    if command["code"]:
        exec(command["code"], {"__name__": "__main__"})
    else:
        runpy.run_module("vlp", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever started this ends it
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as _listener:
        _listener.bind(sys.argv[1])
        _listener.listen()
        print("ready", flush=True)
        _command = serve(_listener)
    if _command is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        become(_command)
