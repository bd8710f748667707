"""The console's stop: nothing delays it, and what it says is so."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from executors.safety.files import file_lock
from executors.safety.lease import LeaseStore
from executors.safety.stop import StopLatch
from tests.vlp.console.serving import browser_page
from tests.vlp.console.staged import Stage, staged
from vlp.console import pictures, views
from vlp.console.desk import Desk
from vlp.console.history import latch_of
from vlp.console.runner import Runner
from vlp.domains.base import domain
from vlp.durable.names import ROBOT
from vlp.errors import UsageError
from vlp.session.request import Options

MANY = 80


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path / "runs") as stage:
        yield stage


@contextmanager
def asked_for(stage: Stage, method: str, path: str, over: threading.Event) -> Iterator[httpx.Client]:
    """A client beside MANY requests, each of a connection of its own, that are not answered before `over`."""
    limits = httpx.Limits(max_connections=2 * MANY)
    with (
        httpx.Client(base_url=stage.base, headers=stage.headers, limits=limits, timeout=60) as client,
        ThreadPoolExecutor(MANY) as threads,
    ):
        for _ in range(MANY):
            threads.submit(client.request, method, path)
        try:
            yield client
        finally:
            over.set()


@pytest.mark.parametrize(
    ("path", "module", "name"),
    [
        ("/runs/staged/decisions/1/plan.mp4", pictures, "film"),
        ("/runs/staged/decisions/1/branches/0.png", pictures, "branch"),
        ("/runs/staged/decisions/1/acted/1.png", pictures, "acted"),
        ("/part/history", views, "part"),
        ("/", views, "part"),
    ],
)
def test_it_waits_for_nothing_that_is_drawn(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, path: str, module: object, name: str
) -> None:
    stage.ask(1)
    begun, over = threading.Event(), threading.Event()

    def endless(*given: object) -> list[object]:
        begun.set()
        over.wait()
        return []

    monkeypatch.setattr(module, name, endless)
    with asked_for(stage, "GET", path, over) as client:
        assert begun.wait(60)
        assert client.post("/stop", data={"reason": "now"}).status_code == 204
        assert client.post("/runs/staged/stop").status_code == 204
        assert stage.answers.get(timeout=60) is None  # the run is left where it is
        assert StopLatch(stage.root / "staged" / ROBOT).stopped == "now"


def test_it_waits_for_no_stop_of_another_robot(stage: Stage) -> None:
    """One whose driver hangs within an action."""
    stage.ask(1)
    hung = stage.root / "staged" / ROBOT
    hung.mkdir()
    held, over = threading.Event(), threading.Event()

    def hang() -> None:
        with file_lock(hung / "stop.lock").held():
            held.set()
            over.wait()

    thread = threading.Thread(target=hang)
    thread.start()
    assert held.wait(60)
    with asked_for(stage, "POST", "/runs/staged/stop", over) as client:
        other = stage.root / "other"
        other.mkdir()
        (other / "events.jsonl").touch()
        assert client.post("/runs/other/stop").status_code == 204
        assert StopLatch(other / ROBOT).stopped
    thread.join()


def test_no_run_moves_before_the_robot_is_armed_again(stage: Stage) -> None:
    (stage.root / "one").mkdir()
    (stage.root / "one" / "events.jsonl").touch()
    with httpx.Client(base_url=stage.base, headers=stage.headers, timeout=60) as client:
        assert client.post("/stop", data={"reason": "a hand"}).status_code == 204
        for path, form in (("/runs", {"instruction": "group the blocks by color"}), ("/runs/one/resume", {})):
            for approve in ("ask", "auto"):
                answer = client.post(path, data={**form, "approve": approve})
                assert answer.status_code == 422 and "stopped: a hand" in answer.text
        assert not stage.desk.scene.busy and [path.name for path in stage.root.glob("*/events.jsonl")]
        after = Runner(Options(), stage.root, Desk(domain().check_subgoal))  # the server was started anew
        with pytest.raises(UsageError, match="stopped: a hand"):
            after.resume(stage.root / "one")
        assert client.post("/arm").status_code == 204
        assert client.post("/runs/one/resume").status_code == 204


def test_words_of_an_operator_are_checked_by_what_the_run_s_models_can_read(tmp_path: Path) -> None:
    """What the desk took and the run refuses would end it."""

    def too_long(words: str) -> None:
        raise ValueError("expected fewer words")

    desk = Desk(lambda words: None)
    sight: Any = SimpleNamespace(check_subgoal=too_long)
    parts: Any = SimpleNamespace(sight=sight)
    with (
        Runner(Options(), tmp_path, desk)._follow(parts, tmp_path),
        pytest.raises(ValueError, match="fewer"),
    ):
        desk.check_subgoal("push the red moon up")


@pytest.mark.parametrize("path", ["/arm", "/runs/staged/rearm"])
def test_arming_takes_back_all_that_the_stop_did(stage: Stage, path: str) -> None:
    stage.ask(1)
    with httpx.Client(base_url=stage.base, headers=stage.headers, timeout=60) as client:
        assert client.post("/stop").status_code == 204
        robots = [latch_of(stage.root), StopLatch(stage.root / "staged" / ROBOT)]
        assert all(latch.stopped for latch in robots)
        assert client.post(path).status_code == 204
        assert not any(latch.stopped for latch in robots)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stop_while_a_run_begins_is_about_that_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """It comes between the look whether the robot may move and the beginning."""
    begin, worked = stage.desk.loading, threading.Event()

    def loading(words: str) -> None:
        if when == "before":
            stage.runner.stop("now")
        begin(words)
        if when == "after":
            stage.runner.stop("now")

    def work() -> Callable[[], int]:
        worked.set()
        return lambda: 0

    monkeypatch.setattr(stage.desk, "loading", loading)
    with pytest.raises(UsageError, match="stopped: now"):
        stage.runner._start("getting ready", work)
    assert not worked.is_set() and not stage.desk.scene.busy


def test_the_disk_is_full(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes of the latch, the run is left where it is, and none begins."""
    stage.ask(1)

    def full(latch: StopLatch, words: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StopLatch, "_latch", full)
    with httpx.Client(base_url=stage.base, headers=stage.headers, timeout=60) as client:
        answer = client.post("/stop", data={"reason": "now"})
        assert answer.status_code == 409 and "cut the robot's power" in answer.text
        assert stage.answers.get(timeout=60) is None
        assert StopLatch(stage.root / "staged" / ROBOT).stopped == "now"
        assert client.post("/runs", data={"instruction": "group the blocks by color"}).status_code == 422


def test_it_is_sent_by_a_page_whose_scripts_have_not_come(stage: Stage) -> None:
    """Pressed in that moment it must not be lost, be it the robot's or that of a run of another program."""
    stage.ask(1)
    other = stage.root / "other"
    other.mkdir()
    (other / "events.jsonl").touch()
    lease = LeaseStore(other / ROBOT).acquire(f"process {os.getpid()} of a test", 600)
    with browser_page(stage.url) as page:
        page.route("**/*.js", lambda route: route.abort())
        page.reload(wait_until="domcontentloaded")
        for button, robot in (("Stop", other / ROBOT), ("Stop the robot", stage.root / "staged" / ROBOT)):
            with page.expect_response("**/stop") as answer:
                page.get_by_role("button", name=button, exact=True).click()
            assert answer.value.status == 204
            assert StopLatch(robot).stopped
        expect(page.locator("#plan")).to_have_attribute("inert", "")  # an approval would be lost
        assert page.locator("h1").is_visible(), "the page is still there"
    lease.release()


def test_the_page_says_that_the_robot_is_stopped_and_arms_it(stage: Stage) -> None:
    with browser_page(stage.url) as page:
        page.keyboard.press("Escape")
        expect(page.locator("#stopped")).to_contain_text("The robot is stopped: stopped by the operator")
        page.locator("#start").click()
        page.get_by_label("Instruction").fill("group the blocks by color")
        page.locator("#start").click()
        expect(page.get_by_role("alert")).to_contain_text("press Arm the robot again")
        page.reload()
        page.get_by_role("button", name="Arm the robot again").click()
        expect(page.locator("#stopped")).not_to_contain_text("stopped")
        assert latch_of(stage.root).stopped is None
