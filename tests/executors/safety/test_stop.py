"""The stop: after it nothing is sent, whoever asks, until someone re-arms."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from executors.safety.faults import StoppedError
from executors.safety.stop import StopLatch

fork = multiprocessing.get_context("fork")
Environment = dict[str, str]


def sends(latch: StopLatch) -> bool:
    """Whether an action may be sent now."""
    try:
        with latch.sending():
            return True
    except StoppedError:
        return False


def until(true: Callable[[], bool]) -> None:
    """Wait for what must come; the test's own time-out ends it otherwise."""
    while not true():
        time.sleep(0.001)


def test_a_stop_holds_until_it_is_rearmed(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path / "new")
    assert sends(latch) and latch.stopped is None
    latch.stop("a hand\nin the cell")
    latch.stop("another reason")
    assert latch.stopped == "a hand in the cell"
    with pytest.raises(StoppedError, match="a hand in the cell; nothing was sent"), latch.sending():
        raise AssertionError("sent")
    assert not sends(StopLatch(tmp_path / "new"))
    latch.rearm()
    assert sends(latch) and sends(StopLatch(tmp_path / "new"))


PROCESS = """
import sys
from pathlib import Path
from executors.safety.stop import StopLatch
latch = StopLatch(Path(sys.argv[1]))
if sys.argv[2:]:
    latch.stop(sys.argv[2])
print(latch.stopped)
"""


@pytest.mark.parametrize("reason", ["smoke", ""])
def test_a_stop_outlives_its_process(tmp_path: Path, environment: Environment, reason: str) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, "-c", PROCESS, str(tmp_path), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    run(*filter(None, [reason]))
    assert run() == f"{reason or None}\n"
    assert sends(StopLatch(tmp_path)) == (not reason)


def send_on(folder: Path, ledger: Path, heedless: bool) -> None:
    """Sends without end: a line before and a line after each action; heedless of the latch or not."""
    latch = StopLatch(folder)
    with open(ledger, "ab", buffering=0) as file, contextlib.suppress(StoppedError):
        while True:
            with contextlib.nullcontext() if heedless else latch.sending():
                file.write(b"begin\n")
                time.sleep(0.001)
                file.write(b"end\n")


@contextlib.contextmanager
def sender(
    folder: Path, *, heedless: bool = False
) -> Iterator[tuple[Path, multiprocessing.process.BaseProcess]]:
    """Another process that sends; its ledger, once it has begun, and the process."""
    ledger = folder / "ledger"
    ledger.write_bytes(b"")
    process = fork.Process(target=send_on, args=(folder, ledger, heedless), daemon=True)
    process.start()
    until(lambda: ledger.stat().st_size > 100)
    try:
        yield ledger, process
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("attempt", range(5))
def test_once_stop_has_returned_no_process_sends(tmp_path: Path, attempt: int) -> None:
    with sender(tmp_path) as (ledger, process):
        StopLatch(tmp_path).stop(f"stop {attempt}")
        before = ledger.read_bytes()
        process.join()  # it ends by itself, refused
        assert before.endswith(b"end\n") and ledger.read_bytes() == before


def test_a_sender_that_does_not_ask_the_latch_would_be_found_out(tmp_path: Path) -> None:
    with sender(tmp_path, heedless=True) as (ledger, _):
        StopLatch(tmp_path).stop("stop")
        before = ledger.stat().st_size
        until(lambda: ledger.stat().st_size > before)


def test_stop_waits_for_the_action_under_way_and_lets_no_other_begin(tmp_path: Path) -> None:
    latch, order = StopLatch(tmp_path), list[str]()

    def stop() -> None:
        latch.stop("now")
        order.append("stopped")

    stopper = threading.Thread(target=stop)
    with latch.sending():
        stopper.start()
        until(lambda: (tmp_path / "stopped.json").exists())
        assert stopper.is_alive() and latch.stopped == "now"
        order.append("sent")
    stopper.join()
    assert order == ["sent", "stopped"] and not sends(latch)


def test_a_forked_child_waits_for_its_parents_action(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path)
    stopper = fork.Process(target=latch.stop, args=("now",))
    with latch.sending():
        stopper.start()
        until(lambda: latch.stopped is not None)
        stopper.join(0.1)  # long enough to return, were it let
        assert stopper.is_alive()
    stopper.join()
    assert stopper.exitcode == 0 and not sends(latch)


def test_a_stop_wins_against_a_rearm_at_the_same_time(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path)
    stopper = threading.Thread(target=latch.stop, args=("now",))
    with latch.sending():
        stopper.start()
        until(lambda: (tmp_path / "stopped.json").exists())
        latch.rearm()  # while the stop waits for the action to end
        assert latch.stopped is None
    stopper.join()
    assert latch.stopped == "now" and not sends(latch)


def test_a_signals_handler_may_stop_amid_an_action(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path)
    before = signal.signal(signal.SIGUSR1, lambda *_: StopLatch(tmp_path).stop("signal"))
    try:
        with latch.sending():
            os.kill(os.getpid(), signal.SIGUSR1)
            until(lambda: latch.stopped is not None)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert latch.stopped == "signal" and not sends(latch)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\x00", b"[]", b'{"reason": "sm', b"null", b"[" * 5000])
def test_a_latch_that_cannot_be_read_stops(tmp_path: Path, content: bytes) -> None:
    latch = StopLatch(tmp_path)
    (tmp_path / "stopped.json").write_bytes(content)
    assert "can't be read" in str(latch.stopped) and not sends(latch)
    latch.rearm()
    assert sends(latch)


def test_a_folder_in_the_latchs_place_stops(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path)
    (tmp_path / "stopped.json").mkdir()
    assert not sends(latch)
    with pytest.raises(OSError):
        latch.rearm()
    (tmp_path / "stopped.json").rmdir()
    assert sends(latch)


def test_a_folder_that_is_gone_stops_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "latch"
    latch = StopLatch(folder)
    shutil.rmtree(folder)
    assert "is gone" in str(latch.stopped) and not sends(latch)
    with pytest.raises(OSError, match="this process is stopped, others"):
        latch.stop("smoke")
    folder.mkdir()
    assert latch.stopped == "smoke" and not sends(StopLatch(folder))
    latch.rearm()
    assert sends(latch)


def stop_on_a_disk(folder: Path, limit: int, told: multiprocessing.SimpleQueue[tuple[str, bool]]) -> None:
    """Stop where no file may outgrow `limit` bytes, as on a full disk; tell the error, and if it sends."""
    latch, error = StopLatch(folder), ""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        latch.stop("smoke")
    except OSError as raised:
        error = str(raised)
    told.put((error, sends(latch)))


@pytest.mark.parametrize("full", [True, False])
def test_a_full_disk_does_not_keep_anyone_from_stopping(tmp_path: Path, full: bool) -> None:
    told: multiprocessing.SimpleQueue[tuple[str, bool]] = fork.SimpleQueue()
    process = fork.Process(target=stop_on_a_disk, args=(tmp_path, 0 if full else 1 << 20, told))
    process.start()
    error, sent = told.get()
    process.join()
    assert ("expected to write a stop" in error) == full and not sent
    assert not sends(StopLatch(tmp_path))
    assert ("can't be read" in str(StopLatch(tmp_path).stopped)) == full


def stop_and_rearm(folder: Path) -> None:
    """Without end."""
    latch = StopLatch(folder)
    while True:
        latch.stop("smoke")
        latch.rearm()


def test_killed_at_any_moment_it_leaves_a_state_that_can_be_read(tmp_path: Path) -> None:
    latch, found = StopLatch(tmp_path), set[str | None]()
    for attempt in range(40):
        process = fork.Process(target=stop_and_rearm, args=(tmp_path,), daemon=True)
        process.start()
        until(lambda: latch.stopped is not None)
        time.sleep(0.0003 * attempt)
        process.kill()
        process.join()
        found.add(latch.stopped)
        assert sends(latch) == (latch.stopped is None)  # and the lock is free
        latch.rearm()
    assert found <= {None, "smoke"} and "smoke" in found
    assert not list(tmp_path.glob(".*.part"))
