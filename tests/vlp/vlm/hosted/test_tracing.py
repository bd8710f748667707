"""What LangSmith's tracing sends, asked of a real server on this machine: nothing of a run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import langsmith.run_trees
import langsmith.utils
import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import wait_for_all_tracers

from tests.vlp.small import GOAL, SMALL
from vlp import Agent

Sent = list[bytes]


class _Told(BaseHTTPRequestHandler):
    """Takes whatever it is told and keeps it."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.sent.append(body)  # type: ignore[attr-defined]
        self._answer()

    do_PATCH = do_POST

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    """What a tracing that is switched on by its environment variables has sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Told)
    server.sent = bodies = Sent()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for prefix in ("LANGSMITH", "LANGCHAIN"):  # the new names and the old ones
        monkeypatch.setenv(f"{prefix}_TRACING_V2", "true")
        monkeypatch.setenv(f"{prefix}_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv(f"{prefix}_API_KEY", "none")
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setattr(langsmith.run_trees, "_CLIENT", None)
    langsmith.utils.get_env_var.cache_clear()  # type: ignore[attr-defined]
    try:
        yield bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        monkeypatch.undo()
        langsmith.utils.get_env_var.cache_clear()  # type: ignore[attr-defined]


def test_tracing_that_is_on_gets_nothing_of_a_run(sent: Sent, tmp_path: Path) -> None:
    with Agent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path) as agent:
        plan = agent.plan(GOAL)
        agent.execute(plan, plan.approved(by="Ada"))
    wait_for_all_tracers()
    assert not sent
    RunnableLambda(lambda said: said).invoke("of others")  # as before: whose program traces goes on doing so
    wait_for_all_tracers()
    assert any(b"of others" in body for body in sent), "tracing was never on, and the test saw nothing"
