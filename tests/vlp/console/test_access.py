"""The console's doors: a token on every route, our own name, our own page, and no way out of the folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Match

from tests.conftest import ROOT, Vlp
from tests.forked import Forks
from tests.vlp.console.serving import Served, served
from vlp.console.app import application
from vlp.console.desk import Desk
from vlp.console.runner import Runner
from vlp.console.server import _listening
from vlp.domains.base import domain
from vlp.session.request import Options

ROUTES = (
    ("GET", "/"), ("GET", "/part/status"), ("GET", "/events"), ("GET", "/camera.jpg"),
    ("GET", "/static/console.js"), ("GET", "/no/such/page"), ("GET", "/runs/a/report.html"),
    ("GET", "/runs/a/execution.mp4"), ("GET", "/runs/a/film.mp4"),
    ("GET", "/runs/a/decisions/1/plan.mp4"),
    ("GET", "/runs/a/decisions/1/branches/0.png"), ("GET", "/runs/a/decisions/1/acted/1.png"),
    ("POST", "/runs"), ("POST", "/answer"), ("POST", "/stop"), ("POST", "/runs/a/resume"),
    ("POST", "/runs/a/rearm"), ("POST", "/runs/a/stop"), ("POST", "/arm"),
)  # fmt: skip


@pytest.fixture(scope="module")
def console(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("console")
    (folder / "secret").mkdir()
    (folder / "secret" / "events.jsonl").write_text("")
    (folder / "secret" / "report.html").write_text("a secret")
    root = folder / "runs"
    root.mkdir()
    (root / "way-out").symlink_to(folder / "secret")
    (root / "mine").mkdir()
    (root / "mine" / "events.jsonl").write_text("")
    (root / "mine" / "report.html").write_text("a report")
    with served(forks, {**os.environ, "PYTHONPATH": str(ROOT)}, root) as console:
        yield console


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nothing_without_the_token(console: Served, method: str, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "vlp=wrong"}):
        answer = httpx.request(method, console.base + path, headers=headers)
        assert answer.status_code == 401 and "token" in answer.text
    assert httpx.request(method, f"{console.base}{path}?token=wrong").status_code == 401


def test_the_routes_above_are_all_there_are(tmp_path: Path) -> None:
    desk = Desk(domain().check_subgoal)
    app = application(Runner(Options(), tmp_path, desk), desk, token="t", port=1)._app
    assert isinstance(app, FastAPI) and len(app.routes) >= len(ROUTES) - 1
    for route in app.routes:
        asked = [{"type": "http", "method": method, "path": path} for method, path in ROUTES]
        assert any(route.matches(scope)[0] is Match.FULL for scope in asked), route


def test_the_address_that_is_printed_lets_a_browser_in(console: Served) -> None:
    with httpx.Client() as browser:
        answer = browser.get(console.url)
        assert answer.status_code == 303 and answer.headers["location"] == "/"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        page = browser.get(console.base + "/")
    assert page.status_code == 200 and "Planner console" in page.text
    assert console.token not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_only_under_its_own_name(console: Served) -> None:
    with console.client(host="planner.example") as client:
        assert client.get("/").status_code == 403
    assert httpx.get(console.url, headers={"host": "planner.example"}).status_code == 403


@pytest.mark.parametrize("origin", ["https://planner.example", "null", "http://127.0.0.1:1", None])
def test_only_from_its_own_page(console: Served, origin: str | None) -> None:
    port = console.base.rpartition(":")[2]
    headers = {"cookie": f"vlp-{port}={console.token}"} | ({} if origin is None else {"origin": origin})
    for path in ("/stop", "/runs", "/answer", "/arm", "/runs/mine/rearm", "/runs/mine/resume"):
        assert httpx.post(console.base + path, headers=headers).status_code == 403
    ours = httpx.post(console.base + "/stop", headers={**headers, "origin": console.base})
    assert ours.status_code == 204
    assert httpx.post(console.base + "/arm", headers={**headers, "origin": console.base}).status_code == 204


@pytest.mark.parametrize(
    "foreign",
    [
        "a b=c", "=", ";;;", "a", 'a="b', 'a="b; c', "a={\"b\": [1, 2]}", "a,b=c; d@e=f", "\xe4=\xff\xfe",
        "a=b\\", "{own}=another", '{own}=""', "{OWN}=x", "$Version=1",
        "; ".join(f"c{n}={'x' * 4000}" for n in range(180)),
    ],
)  # fmt: skip
def test_cookies_of_other_ports_shut_nobody_out(console: Served, foreign: str) -> None:
    """A browser sends those of every port of this machine along."""
    own = f"vlp-{console.base.rpartition(':')[2]}"
    strange = foreign.replace("{own}", own).replace("{OWN}", own.upper())
    for cookies in (f"{strange}; {own}={console.token}", f"{own}={console.token}; {strange}"):
        headers = {b"cookie": cookies.encode("latin-1"), b"origin": console.base.encode()}
        assert httpx.post(console.base + "/stop", headers=headers).status_code == 204
        assert httpx.get(console.base + "/", headers=headers).status_code == 200
    alone = {b"cookie": strange.encode("latin-1"), b"origin": console.base.encode()}
    assert httpx.post(console.base + "/stop", headers=alone).status_code == 401


@pytest.mark.parametrize(
    "name",
    ["way-out", "..", "%2e%2e", "..%2fsecret", "%2e%2e%2fsecret", "mine%2f..%2f..%2fsecret", "a%00b", "nope"],
)
def test_run_names_lead_nowhere_else(console: Served, name: str) -> None:
    with console.client() as client:
        answer = client.get(f"/runs/{name}/report.html")
        assert answer.status_code == 404 and "a secret" not in answer.text
        assert client.post(f"/runs/{name}/rearm").status_code == 404
        assert client.get("/runs/mine/report.html").text == "a report"


def test_what_makes_no_sense_is_said_in_a_line(console: Served) -> None:
    with console.client() as client:
        assert client.post("/arm").status_code == 204
        cases = [
            ({"instruction": "make me a sandwich"}, "expected words that I know"),
            ({"instruction": ""}, "expected words"),
            ({"instruction": "group the blocks by color", "seed": "-1"}, "expected a whole number"),
            ({"instruction": "group the blocks by color", "seed": "9" * 30}, "seed"),
            (
                {"instruction": "group the blocks by color", "seed": "9" * 5000},
                "seed: expected a whole number",
            ),
            ({"instruction": "group the blocks by color", "seed": "١٢"}, "seed: expected a whole number"),
            ({"instruction": "group the blocks by color", "rules": "be nice"}, "rule"),
            ({"instruction": "group the blocks by color", "approve": "yes"}, "expected ask or auto"),
        ]
        for form, words in cases:
            answer = client.post("/runs", data=form)
            assert answer.status_code == 422 and words in answer.text and "\n" not in answer.text
        stale = {"run": "mine", "decision": "1", "say": "approve"}
        assert "expected an answer to the plan that waits" in client.post("/answer", data=stale).text
        for name, value in [
            ("decision", "9" * 5000),
            ("decision", "9" * 4000),
            ("node", "1e3"),
            ("say", "yes"),
        ]:
            answer = client.post("/answer", data=stale | {name: value})
            assert answer.status_code == 422 and "\n" not in answer.text and len(answer.text) < 300
        for number in ("0", "-1", "9" * 9, "9" * 4000, "9" * 5000):
            for path in ("plan.mp4", "branches/0.png", "acted/1.png", f"branches/{number}.png"):
                assert client.get(f"/runs/mine/decisions/{number}/{path}").status_code in (404, 422)
        assert client.post("/runs/mine/resume").status_code in (204, 409)


def test_a_port_that_is_taken_and_one_that_is_none(vlp: Vlp) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = vlp("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2 and "expected one that is free" in done.stderr
    done = vlp("serve", "--port", "70000")
    assert done.returncode == 2 and "port: expected 0 to 65535" in done.stderr


def test_the_address_answers_from_the_moment_that_it_is_said() -> None:
    """It is printed before the server runs."""
    with _listening(0) as listener, socket.create_connection(listener.getsockname(), timeout=10):
        pass
