"""The way to a server: proxies, redirects, addresses, dead ports, bodies without end; all by real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest

from planner import Proposal, StepsToGo
from tasks.tabletop.language.subgoals import BOARD
from tests.vlp.vlm.hosted.test_endpoint import (
    FRAME,
    GOAL,
    GOOD,
    KEY,
    KINDS,
    first,
    proposed,
    sensible,
    status,
)
from vlp.errors import ModelError, ModelSwitched, UsageError
from vlp.models.fallback import FallbackVLM
from vlp.vlm.hosted.budget import Budget, CallLimits
from vlp.vlm.hosted.client import Client, Server, loopback
from vlp.vlm.hosted.endpoint import Endpoint
from vlp.vlm.hosted.endpoint_config import EndpointConfig
from vlp.vlm.hosted.fakes import ChatServer, Send, send_status, send_well
from vlp.vlm.hosted.hosted import HostedVLM

ELSEWHERE = "http://vlm.invalid/v1"
"""Nobody's, by RFC 2606: it is reached by way of a proxy or not at all."""
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, and nothing that leads elsewhere."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in (*PROXIES, "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def dead() -> Iterator[int]:
    """A port that is bound and refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def at(url: str, deadline: float = 20.0) -> HostedVLM:
    config = EndpointConfig(model="fake", url=url, deadline=deadline)
    return HostedVLM(
        Endpoint(config, Budget(CallLimits())), BOARD.seen_by(lambda frames: [KINDS] * len(frames))
    )


def failure(url: str, deadline: float = 20.0) -> str:
    with pytest.raises(ModelError) as error:
        proposed(at(url, deadline))
    return str(error.value)


class Bundled:
    """What takes over."""

    def propose(self, frames: Any, goal: str, histories: Any, n: int, *, seed: int) -> list[list[Proposal]]:
        return [[Proposal("push the red star up", 1.0)] for _ in frames]

    def steps_to_go(self, frames: Any, goal: str) -> StepsToGo:
        return StepsToGo(np.ones(len(frames), np.float32), np.zeros(len(frames), np.float32))


# -- proxies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http", "socks5", "nonsense"])
def test_this_machine_is_asked_past_every_proxy(
    name: str, scheme: str, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"{scheme}://127.0.0.1:{dead}")
    with ChatServer(sensible) as server:
        assert proposed(at(server.url)) == GOOD
        assert proposed(at(server.url.replace("127.0.0.1", "localhost"))) == GOOD


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True), ("vlm.localhost", True), ("127.0.0.1", True), ("127.8.9.1", True),
        ("127.1", True),
        ("[::1]", True), ("[::ffff:127.0.0.1]", True), ("0.0.0.0", True), ("LOCALHOST.", True),
        ("10.0.0.1", False), ("example.com", False), ("localhost.example.com", False),
        ("127.0.0.1.nip.io", False),
    ],
)  # fmt: skip
def test_what_is_this_machine(host: str, own: bool) -> None:
    assert loopback(f"http://{host}:8000/v1") is own


def test_another_machine_is_asked_by_way_of_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(sensible) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        assert proposed(at(ELSEWHERE)) == GOOD and len(proxy.requests) == 1
        monkeypatch.setenv("NO_PROXY", "vlm.invalid")
        assert "no connection" in failure(ELSEWHERE) and len(proxy.requests) == 1


def test_a_proxy_of_socks_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real SOCKS5 server, for one connection."""
    asked: list[str] = []
    with ChatServer(sensible) as server, socket.create_server(("127.0.0.1", 0)) as listening:
        aim = int(server.url.removesuffix("/v1").rpartition(":")[2])
        thread = threading.Thread(target=socks, args=(listening, aim, asked), daemon=True)
        thread.start()
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{listening.getsockname()[1]}")
        assert proposed(at(ELSEWHERE)) == GOOD and asked == ["vlm.invalid"]
        thread.join(20)


def socks(listening: socket.socket, aim: int, asked: list[str]) -> None:
    """RFC 1928, without a password; whatever is asked for, it is `aim` on this machine."""
    client, _ = listening.accept()
    with client, socket.create_connection(("127.0.0.1", aim)) as server:
        client.recv(client.recv(2)[1])
        client.sendall(b"\x05\x00")
        asked.append(client.recv(client.recv(5)[4] + 2)[:-2].decode())
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        other = threading.Thread(target=copied, args=(server, client), daemon=True)
        other.start()
        copied(client, server)
        other.join(20)


def copied(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("HTTP_PROXY", "http"), ("ALL_PROXY", "socks5"), ("ALL_PROXY", "socks4"), ("all_proxy", "nonsense")],
)
def test_a_proxy_that_is_none_is_named_without_its_password(
    name: str, scheme: str, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"{scheme}://me:hush@127.0.0.1:{dead}")
    said = failure(ELSEWHERE)
    assert name in said and "vlm.invalid" in said and "hush" not in said


# -- everything is a ModelError, on which the bundled VLM takes over -------------------------------------

ENVIRONMENTS = {
    "a proxy that is none": {"ALL_PROXY": "nonsense://x"},
    "a proxy without a port that is one": {"ALL_PROXY": "http://x:99999999"},
    "no such certificates": {"SSL_CERT_FILE": "/no/such/file.pem"},
    "certificates that are none": {"SSL_CERT_FILE": __file__},
    "no such host": {},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_no_client_can_be_made_of_is_a_model_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in ENVIRONMENTS[name].items():
        monkeypatch.setenv(variable, value)
    url = "https://vlm.invalid/v1"
    said = failure(url)
    assert all(variable in said for variable in ENVIRONMENTS[name]) and url in said and "space" not in said
    vlm = FallbackVLM(at(url), Bundled())
    with pytest.raises(ModelSwitched):
        vlm.steps_to_go(FRAME[None], GOAL)
    assert vlm.steps_to_go(FRAME[None], GOAL).mean.tolist() == [1.0]
    assert vlm.propose(FRAME[None], GOAL, [()], 1, seed=0)[0][0].text == "push the red star up"


@pytest.mark.parametrize("url", ["http://" + "a" * 70 + "/v1", "http://a..b/v1", "http://x\u2603.invalid/v1"])
def test_a_host_that_can_be_none_is_a_model_error(url: str) -> None:
    assert failure(url, deadline=5.0).startswith("VLM fake: expected ")


def test_certificates_do_not_matter_where_none_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with ChatServer(sensible) as server:
        assert proposed(at(server.url)) == GOOD


def test_a_dead_port_is_said_to_refuse(dead: int) -> None:
    said = failure(f"http://127.0.0.1:{dead}/v1")
    assert f"no connection (Connection refused) to http://127.0.0.1:{dead}/v1" in said


def test_a_server_that_was_there_is_waited_for(dead: int) -> None:
    """It may be starting anew: until the deadline, which tells what it was that was waited for."""
    vlm = at(f"http://127.0.0.1:{dead}/v1", deadline=2.5)
    vlm._endpoint._server = Server(reached=True)
    with pytest.raises(ModelError, match=r"within 2.5 s, got none; the last try: no connection \(Connection"):
        proposed(vlm)


def test_the_last_try_is_told_where_time_runs_out() -> None:
    with ChatServer(sensible, status(503, "the model is being loaded")) as server:
        said = failure(server.url, deadline=1.0)
    assert "within 1 s, got none; the last try: status 503 (the model is being loaded)" in said


# -- addresses -----------------------------------------------------------------------------------------


def only_at(path: str) -> Send:
    def send(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        if handler.path == path:
            send_well(handler, body, number)
        else:
            send_status(handler, 404, b'{"detail": "Not Found"}')

    return send


@pytest.mark.parametrize(
    "end",
    ["/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/", " /v1 ".strip() + "\n", "/v1/#top"],
)
def test_the_address_of_questions_is_taken_for_the_api_s(end: str) -> None:
    with ChatServer(sensible, only_at("/v1/chat/completions")) as server:
        assert proposed(at(server.url.removesuffix("/v1") + end)) == GOOD


def test_what_follows_a_question_mark_is_asked_with_and_not_shown() -> None:
    with ChatServer(sensible, only_at("/v1/chat/completions?key=hush")) as server:
        vlm = at(server.url + "/chat/completions?key=hush")
        assert proposed(vlm) == GOOD and vlm.account()["url"] == server.url
    assert "hush" not in failure(server.url + "?key=hush")


@pytest.mark.parametrize("end", ["", "/", "/api"])
def test_an_address_without_a_version_is_shown_with_one(end: str) -> None:
    with ChatServer(sensible, only_at("/v1/chat/completions")) as server:
        where = server.url.removesuffix("/v1") + end.rstrip("/")
        said = failure(where + end.removeprefix("/api"))
    assert f"404 from {where}: Not Found); is it {where}/v1?" in said


def test_a_wrong_address_is_shown() -> None:
    with ChatServer(sensible, only_at("/other")) as server:
        assert f"404 from {server.url}: Not Found); check both" in failure(server.url)


@pytest.mark.parametrize("url", ["http://a b/v1", "http://a/v1\x1b[0m", "http://a\n/v1"])
def test_an_address_with_signs_that_are_not_printed_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="vlm-url: expected http"):
        EndpointConfig(model="m", url=url)


# -- what a server may do --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_carries_nothing_to_another_host(code: int) -> None:
    with ChatServer(sensible) as other:
        location = other.url + "/chat/completions?token=1"
        with ChatServer(sensible, status(code, "moved", Location=location)) as server:
            said = failure(server.url)
            assert len(server.requests) == 1
        assert other.requests == []
    assert f"status {code}, which leads to {other.url}/chat/completions; give the URL" in said


class Endless:
    """An error whose body has no end; counts what is taken of it."""

    def __init__(self, code: int) -> None:
        self.code, self.sent, self.over = code, 0, threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        handler.send_response(self.code)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        try:
            while self.sent < 200_000_000:
                handler.wfile.write(b"it failed. " * 5000)
                self.sent += 55_000
        finally:
            self.over.set()


@pytest.mark.parametrize("code", [302, 400, 401, 404, 422, 500])
def test_an_error_without_an_end_is_read_to_a_limit(code: int) -> None:
    endless = Endless(code)
    with ChatServer(sensible, endless) as server:
        assert str(code) in failure(server.url, deadline=1.0) and endless.over.wait(20)
    assert endless.sent < 40_000_000, "what the sockets of both sides hold, and no more"


def test_an_error_that_stays_open_is_told_all_the_same() -> None:
    gone = threading.Event()

    def open_end(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        handler.send_response(404)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"no such lora")
        handler.wfile.flush()
        gone.wait(20)

    with ChatServer(sensible, open_end) as server:
        said = failure(server.url)
        gone.set()
    assert "404" in said and "no such lora" in said


def test_a_compressed_bomb_is_not_unpacked() -> None:
    """An encoding that nobody asked for, whose ratio has no bound, is not undone."""

    def squeezed(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        send_status(handler, 200, body, Content_Encoding="gzip, gzip, br, zstd")

    asked = []

    def noted(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        asked.append(handler.headers["Accept-Encoding"])
        squeezed(handler, body, number)

    with ChatServer(sensible, noted) as server:
        assert proposed(at(server.url)) == GOOD, "it was not compressed, whatever the header says"
    assert asked == ["identity"]


@pytest.mark.parametrize("text", ["\x1b[31mno\x1b[0m \x1b]0;owned\x07{KEY}\u202e", "no \x1b[1m{KEY}"])
@pytest.mark.parametrize("kind", ["json", "text", "reply", "refusal", "why"])
def test_no_words_of_a_server_steer_a_terminal_or_tell_the_key(text: str, kind: str) -> None:
    text = text.replace("{KEY}", KEY[:5] + "\x1b[0m" + KEY[5:])
    if kind == "why":
        answer = json.dumps({"reached": True, "why": text})
        with ChatServer(lambda request: {"choices": [{"message": {"content": answer}}]}) as server:
            shown = at(server.url).success(FRAME, GOAL).why
    else:
        body = {
            "json": json.dumps({"error": {"message": text}}).encode(),
            "text": text.encode(),
            "reply": json.dumps({"error": text}).encode(),
            "refusal": json.dumps({"choices": [{"message": {"refusal": "x" * 75 + text}}]}).encode(),
        }[kind]
        code = 400 if kind in ("json", "text") else 200
        with ChatServer(sensible, lambda handler, own, number: send_status(handler, code, body)) as server:
            shown = failure(server.url)
    assert shown.isprintable() and "no" in shown and "***" in shown
    assert not any(part in shown for part in ("[31m", "[0m", "[1m", "owned", "very-secret"))


def test_an_account_with_openai_is_not_told_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-mine")
    told: list[str] = []

    def noted(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        told.append(str(handler.headers))
        send_well(handler, body, number)

    with ChatServer(sensible, noted) as server:
        assert proposed(at(server.url)) == GOOD
    assert len(told) == 1 and "mine" not in told[0]


def test_a_server_that_answered_once_is_known_to_be_there() -> None:
    with ChatServer(sensible, first(status(500))) as server:
        vlm = at(server.url)
        assert not vlm._endpoint._server.reached
        assert proposed(vlm) == GOOD and vlm._endpoint._server.reached
    assert not Client(server.url, Server()).follow_redirects
