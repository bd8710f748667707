"""The operator's lease: one at a time, and an old holder is told from the new one."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from executors.safety.faults import LeaseError
from executors.safety.lease import LeaseStore

fork = multiprocessing.get_context("fork")


class Clock:
    """Tells the time it is set to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_second_operator_waits_for_the_first(tmp_path: Path) -> None:
    clock = Clock()
    first = LeaseStore(tmp_path).acquire("ann", 30, clock=clock)
    with pytest.raises(LeaseError, match=r"leased to ann until \d\d:\d\d:\d\d \(30 s left\)"):
        LeaseStore(tmp_path).acquire("bob", clock=clock)
    first.check()
    clock.now += 30
    second = LeaseStore(tmp_path).acquire("bob", clock=clock)
    second.check()
    with pytest.raises(LeaseError, match="got lease 2 of bob"):
        first.check()


def test_a_lease_lasts_until_it_runs_out(tmp_path: Path) -> None:
    clock = Clock()
    lease = LeaseStore(tmp_path).acquire("ann", 30, clock=clock)
    clock.now += 29
    lease.check()
    lease.renew()
    clock.now += 29
    lease.check()
    clock.now += 1
    for ask in (lease.check, lease.renew):
        with pytest.raises(LeaseError, match="run out"):
            ask()


def test_a_lease_that_was_given_back_is_free(tmp_path: Path) -> None:
    store, clock = LeaseStore(tmp_path), Clock()
    lease = store.acquire("ann", clock=clock)
    lease.release()
    with pytest.raises(LeaseError, match="given back"):
        lease.check()
    other = store.acquire("bob", clock=clock)
    lease.release()  # nothing to give back any more
    other.check()


def test_the_token_only_grows(tmp_path: Path) -> None:
    clock, tokens = Clock(), []
    for number in range(9):
        lease = LeaseStore(tmp_path).acquire(f"operator {number}", 10, clock=clock)
        tokens.append(lease.token)
        if number % 3 == 0:
            lease.release()
        elif number % 3 == 1:
            clock.now += 10
        else:
            tokens.append(LeaseStore(tmp_path).acquire(lease.holder, 10, clock=clock).token)
            clock.now += 10
    assert tokens == list(range(1, 13))


def take(folder: Path, name: str, start: Any, told: Any) -> None:
    """Acquires when all are ready; tells the token, or 0."""
    store = LeaseStore(folder)
    start.wait()
    try:
        told.put(store.acquire(name).token)
    except LeaseError:
        told.put(0)


@pytest.mark.parametrize("shared", [True, False])
def test_of_two_processes_exactly_one_gets_it(tmp_path: Path, shared: bool) -> None:
    for attempt in range(10):
        start, told = fork.Barrier(2), fork.SimpleQueue()
        folders = [tmp_path / str(attempt) / ("one" if shared else name) for name in "ab"]
        racers = [
            fork.Process(target=take, args=(folder, name, start, told))
            for folder, name in zip(folders, "ab", strict=True)
        ]
        for racer in racers:
            racer.start()
        tokens = sorted(told.get() for _ in racers)
        for racer in racers:
            racer.join()
        assert tokens == ([0, 1] if shared else [1, 1])


def take_later(folder: Path, name: str) -> None:
    LeaseStore(folder).acquire(name, clock=Clock(1031.0))


@pytest.mark.parametrize("taken", [True, False])
def test_a_holder_that_slept_is_shut_out_whatever_its_clock_says(tmp_path: Path, taken: bool) -> None:
    lease = LeaseStore(tmp_path).acquire("ann", 30, clock=Clock())
    if taken:
        other = fork.Process(target=take_later, args=(tmp_path, "bob"))
        other.start()
        other.join()
        assert other.exitcode == 0
        for ask in (lease.check, lease.renew, lambda: lease.sending().__enter__()):
            with pytest.raises(LeaseError, match="got lease 2 of bob, which came after"):
                ask()
    else:
        lease.check()
        with lease.sending():
            lease.renew()


def test_nobody_takes_over_while_an_action_is_sent(tmp_path: Path) -> None:
    clock, order = Clock(), list[str]()
    lease = LeaseStore(tmp_path).acquire("ann", 30, clock=clock)

    def take_over() -> None:
        LeaseStore(tmp_path).acquire("bob", clock=Clock(1031.0))
        order.append("taken")

    taker = threading.Thread(target=take_over)
    with lease.sending():
        taker.start()
        taker.join(0.05)  # long enough to get there, were it let
        order.append("sent")
    taker.join()
    assert order == ["sent", "taken"]


GARBAGE = [
    "", "{", "[]", "null", '{"token": 1}', '{"token": "1", "holder": "a", "until": 2}',
    '{"token": true, "holder": "a", "until": 2}', '{"token": 1, "holder": 3, "until": 2}',
    '{"token": 0, "holder": "a", "until": 2}', '{"token": 1, "holder": "a", "until": NaN}',
    '{"token": 1, "holder": "a", "until": 2, "more": 3}', "[" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("content", GARBAGE)
def test_a_file_that_cannot_be_read_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    lease = LeaseStore(tmp_path).acquire("ann")
    path = tmp_path / "lease.json"
    good = path.read_text()
    path.write_text(content)
    for ask in (lease.check, lease.renew, lease.release, lambda: LeaseStore(tmp_path).acquire("ann")):
        with pytest.raises(LeaseError, match="expected token, holder and until"):
            ask()
    assert path.read_text() == content
    path.write_text(good)
    lease.check()


def test_a_disk_that_fails_holds(tmp_path: Path) -> None:
    lease = LeaseStore(tmp_path / "lease").acquire("ann")
    shutil.rmtree(tmp_path / "lease")
    for ask in (lease.check, lease.renew, lambda: lease.store.acquire("ann")):
        with pytest.raises(LeaseError):
            ask()


@pytest.mark.parametrize(
    ("holder", "seconds"), [("", 30.0), ("ann", 0.0), ("ann", -1.0), ("ann", float("nan"))]
)
def test_a_lease_needs_a_name_and_a_time(tmp_path: Path, holder: str, seconds: float) -> None:
    with pytest.raises(ValueError, match="name the operator"):
        LeaseStore(tmp_path).acquire(holder, seconds)


def acquire_on(folder: Path) -> None:
    """Without end."""
    while True:
        LeaseStore(folder).acquire("ann").release()


def test_killed_at_any_moment_it_leaves_a_lease_that_can_be_read(tmp_path: Path) -> None:
    path, token = tmp_path / "lease.json", 0
    for attempt in range(40):
        process = fork.Process(target=acquire_on, args=(tmp_path,), daemon=True)
        process.start()
        while not path.exists() or json.loads(path.read_text())["token"] <= token:
            time.sleep(0.0005)
        time.sleep(0.0003 * attempt)
        process.kill()
        process.join()
        lease = LeaseStore(tmp_path).acquire("ann")
        lease.check()
        assert lease.token > token + 1
        token = lease.token
        lease.release()
    assert not [left for left in tmp_path.glob(".*.part") if left.exists()]
