"""Shared files: on the disk before they are seen, and locks that nobody waits for without end."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from executors.safety import files
from executors.safety.faults import BusyError
from executors.safety.files import Busy, file_lock, replace_file
from executors.safety.lease import LeaseStore
from executors.safety.stop import StopLatch
from vlp.cli.stop import Rearm, Stop
from vlp.errors import HeldError
from vlp.session.drive import check_free, is_free

fork = multiprocessing.get_context("fork")
SHORT = 0.05


def test_a_file_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, int]] = []
    fsync, replace = os.fsync, os.replace

    def synced(file: int) -> None:
        done.append(("sync", os.fstat(file).st_ino))
        fsync(file)

    def replaced(part: Path, path: Path) -> None:
        assert part.read_bytes() == b"new", "the name moves to the whole file"
        done.append(("name", part.stat().st_ino))
        replace(part, path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    for content in ("new", b"new"):
        done.clear()
        replace_file(tmp_path / "file", content)
        file, folder = (tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino
        assert done == [("sync", file), ("name", file), ("sync", folder)]
        assert (tmp_path / "file").read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def hang(folder: Path, told: multiprocessing.SimpleQueue[int]) -> None:
    """A driver that hangs inside an action, whose lease has run out meanwhile."""
    lease = LeaseStore(folder).acquire(f"process {os.getpid()}, x", 30.0)
    with StopLatch(folder).sending(), lease.sending():
        lease.store.write(type(lease.store.read())(lease.token, lease.holder, 1.0))
        told.put(os.getpid())
        told.get()


@contextmanager
def hanging(folder: Path) -> Iterator[int]:
    told: multiprocessing.SimpleQueue[int] = fork.SimpleQueue()
    process = fork.Process(target=hang, args=(folder, told), daemon=True)
    process.start()
    number = told.get()
    try:
        yield number
    finally:
        process.kill()
        process.join()


def test_nobody_waits_for_a_driver_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WAIT", SHORT)
    latch, store = StopLatch(tmp_path), LeaseStore(tmp_path)
    with hanging(tmp_path) as number:
        by = f"process {number} has held it for {SHORT} s"
        assert not is_free(tmp_path)
        with pytest.raises(HeldError, match=by):
            check_free(tmp_path, wait=SHORT)
        with pytest.raises(BusyError, match=by):
            store.acquire("ann")
        with pytest.raises(BusyError, match=by), latch.sending():
            raise AssertionError("sent")
        with pytest.raises(BusyError, match=f"{by}.*that one may still move the robot"):
            latch.stop("smoke")
        with pytest.raises(BusyError, match=by):
            latch.rearm()
        assert StopLatch(tmp_path).stopped == "smoke", "no other action is begun"
    assert is_free(tmp_path)
    latch.stop("smoke")
    latch.rearm()
    store.acquire("ann").release()


def test_threads_of_one_process_do_not_wait_without_end_either(tmp_path: Path) -> None:
    import threading

    lock, taken, over = file_lock(tmp_path / "lock"), threading.Event(), threading.Event()

    def hold() -> None:
        with lock.held():
            taken.set()
            over.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait()
    with pytest.raises(Busy, match="another thread of this process"), lock.held(SHORT):
        raise AssertionError("held")
    over.set()
    holder.join()
    with lock.held(SHORT):
        pass


def test_vlp_stop_says_at_once_what_holds_and_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    robot = tmp_path / "robot"
    robot.mkdir()
    said: list[str] = []
    stop = StopLatch.stop

    def stops(self: StopLatch, reason: str) -> None:
        assert self.stopped == "smoke"
        said.append(capsys.readouterr().out)
        stop(self, reason)

    monkeypatch.setattr(files, "WAIT", SHORT)
    monkeypatch.setattr(StopLatch, "stop", stops)
    with hanging(robot) as number:
        with pytest.raises(HeldError, match=f"process {number} .*cut its power"):
            Stop(run_folder=tmp_path, reason="smoke").run()
        with pytest.raises(HeldError, match=f"process {number} "):
            Rearm(run_folder=tmp_path).run()
    assert said == ["stopped: no action is begun any more; waiting for the one under way to end\n"]
    assert Stop(run_folder=tmp_path, reason="smoke").run() == 0
    assert "it has ended" in capsys.readouterr().out
    assert Rearm(run_folder=tmp_path).run() == 0 and StopLatch(robot).stopped is None
