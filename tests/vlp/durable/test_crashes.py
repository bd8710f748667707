"""A run that is killed, and killed again while it recovers, ends as one that was left alone. The whole proof,
at every write, is `python -m vlp.evaluate.tabletop.crashes`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vlp.domains.tabletop.build import TabletopParts, build
from vlp.durable.journal import Journal
from vlp.durable.store import Store
from vlp.evaluate.tabletop.crashes import SMALL, Kill, faults, kill_and_recover, outcome, sent_by, writes

SHORT = replace(SMALL, max_control_steps=10)


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    torch.set_num_threads(1)  # a process that was forked has none of its parent's threads
    return build(device="cpu")


@pytest.fixture(scope="module")
def alone(
    parts: TabletopParts, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, dict[str, Any], list[str]]:
    """Writes of a run that is left alone, what it leaves, and what it sent."""
    path = tmp_path_factory.mktemp("crashes") / "alone"
    total = writes(parts, path, SHORT)
    return total, outcome(path), sent_by(path)


@pytest.mark.parametrize(
    ("first", "again", "before"),
    [
        (0.05, 0.1, True),
        (0.15, None, False),
        (0.3, 0.3, False),
        (0.5, 0.2, True),
        (0.75, 0.1, False),
        (1.0, None, True),
    ],
)
def test_a_killed_run_ends_as_if_nothing_had_been(
    parts: TabletopParts,
    alone: tuple[int, dict[str, Any], list[str]],
    tmp_path: Path,
    first: float,
    again: float | None,
    before: bool,
) -> None:
    total, left, sent = alone
    kill = Kill(max(2, round(first * total)), before)
    second = None if again is None else Kill(max(2, round(again * total)), not before)
    assert kill_and_recover(parts, tmp_path / "run", kill, second, SHORT) == (1 if second is None else 2)
    assert faults(tmp_path / "run", left, sent) == []


def test_without_a_journal_steps_would_be_sent_twice(
    parts: TabletopParts,
    alone: tuple[int, dict[str, Any], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same kill, with intents that are written nowhere, is found out; nobody looks for gaps here."""

    def begin(self: Journal, action: np.ndarray) -> None:
        self._store.put({"nothing": b""})
        self.sent += 1

    monkeypatch.setattr(Journal, "begin", begin)
    monkeypatch.setattr(Journal, "_follow", lambda self: None)
    monkeypatch.setattr(Journal, "check", lambda *_: None)
    total, left, sent = alone
    kill_and_recover(parts, tmp_path / "run", Kill(total - 4, True), None, SHORT)
    assert "an action was issued twice" in faults(tmp_path / "run", left, sent)


def test_without_a_memory_clips_would_be_imagined_again(
    parts: TabletopParts,
    alone: tuple[int, dict[str, Any], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same kill, with a store that finds no clip, is found out."""
    get = Store.get
    monkeypatch.setattr(Store, "get", lambda self, key: None if "imagine" in key else get(self, key))
    _, left, sent = alone
    kill_and_recover(parts, tmp_path / "run", Kill(8, False), None, SHORT)
    assert "a finished branch was imagined again" in faults(tmp_path / "run", left, sent)
