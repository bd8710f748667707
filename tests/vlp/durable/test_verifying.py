"""What going on with a run will need is looked at before anything moves or is changed."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vlp.domains.tabletop.build import TabletopParts, build
from vlp.durable.checkpoints import in_file
from vlp.durable.journal import SEEN, SENT
from vlp.durable.keeping import CHECKPOINTS, FOLLOWED, PLAN, Keeping
from vlp.durable.names import FILE
from vlp.durable.store import Store
from vlp.durable.verifying import check_kept, latest
from vlp.errors import StateError
from vlp.evaluate.tabletop.crashes import SMALL, Kill, faults, in_process, outcome, sent_by, work, writes
from vlp.events.types import Event, RunStarted
from vlp.record.folder import RunFolder
from vlp.session.ending import check_not_over
from vlp.settings import Settings

SHORT: Settings = replace(SMALL, max_control_steps=10)


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    torch.set_num_threads(1)  # a process that was forked has none of its parent's threads
    return build(device="cpu")


@pytest.fixture(scope="module")
def alone(parts: TabletopParts, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """Writes of a run that is left alone, and its folder."""
    path = tmp_path_factory.mktemp("verifying") / "alone"
    return writes(parts, path, SHORT), path


@pytest.fixture(scope="module")
def killed(parts: TabletopParts, alone: tuple[int, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed amid its last steps."""
    path = tmp_path_factory.mktemp("verifying") / "run"
    path.mkdir()
    kill = Kill(alone[0] - 4, True)
    assert in_process(lambda: work(parts, path, SHORT, kill)) == -signal.SIGKILL
    return path


def copied(killed: Path, to: Path) -> Path:
    shutil.copytree(killed, to)
    shutil.copy(killed.with_suffix(".ledger"), to.with_suffix(".ledger"))
    return to


def checks(path: Path) -> None:
    with Store(path / FILE, fresh=False) as store:
        check_kept(path, store, Keeping(store, resumed=True))


def held(path: Path) -> dict[str, bytes]:
    """What a run holds, but for SQLite's own bookkeeping."""
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(CHECKPOINTS)]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def cut(name: str, keep: float) -> Callable[[Path], None]:
    """Cut a file short."""

    def damage(path: Path) -> None:
        whole = (path / name).read_bytes()
        (path / name).write_bytes(whole[: int(keep * len(whole))])

    return damage


def flip(name: str) -> Callable[[Path], None]:
    """Change a byte in the middle of a file's first hundred."""

    def damage(path: Path) -> None:
        whole = bytearray((path / name).read_bytes())
        whole[50] ^= 1
        (path / name).write_bytes(whole)

    return damage


def without(*keys: str) -> Callable[[Path], None]:
    """Rows of the store gone."""

    def damage(path: Path) -> None:
        with Store(path / FILE, fresh=False) as store:
            for key in keys:
                assert store.keys(key)
                store.forget(key)

    return damage


def last_steps(path: Path) -> None:
    """The journal of six steps before."""
    with Store(path / FILE, fresh=False) as store:
        for prefix in (SENT, SEEN):
            for key in store.keys(prefix)[-6:]:
                store.forget(key)


TREE = "decisions/01/tree.json"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut("events.jsonl", 0.05), "as they were written, got"),
        (cut("events.jsonl", 0.0), "got 0 bytes"),
        (flip("events.jsonl"), "got others"),
        (cut(TREE, 0.5), "tree.json as it was written, got another one, or a part of it"),
        (flip(TREE), "tree.json as it was written"),
        (cut("decisions/01/clips_00.png", 0.9), "clips_00.png as it was written"),
        (lambda path: (path / TREE).unlink(), "tree.json as it was written, got none"),
        (last_steps, "the others would be sent again"),
        (without(f"{SENT}000003"), "without a gap"),
        (without(f"{SEEN}000000"), "without a gap"),
        (without("filed/000002"), "files that were written"),
        (without(PLAN), "expected the plan"),
    ],
)
def test_damage_is_refused_before_anything_is_changed(
    killed: Path, tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    path = copied(killed, tmp_path / "run")
    checks(path)
    damage(path)
    before = held(path)
    with pytest.raises(StateError, match=words):
        checks(path)
    assert held(path) == before


def test_what_came_of_the_last_clip_is_that_of_the_step_that_is_verified(
    parts: TabletopParts, alone: tuple[int, Path], tmp_path: Path
) -> None:
    def dies(self: RunFolder, *_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        RunFolder.save_acted = dies  # type: ignore[method-assign, assignment]
        work(parts, tmp_path / "run", SHORT, None)

    (tmp_path / "run").mkdir()
    assert in_process(run) == -signal.SIGKILL
    checks(tmp_path / "run")
    without(FOLLOWED)(tmp_path / "run")
    with pytest.raises(StateError, match="what came of step 1 of decision 1, got none"):
        checks(tmp_path / "run")


def test_torn_events_after_the_checkpoint_happen_again(
    parts: TabletopParts, alone: tuple[int, Path], killed: Path, tmp_path: Path
) -> None:
    """As a power cut leaves them: what was not synced yet is no more than a hole."""
    path = copied(killed, tmp_path / "run")
    with Store(path / FILE, fresh=False) as store:
        synced = latest(Keeping(store, resumed=True))["events"]
    events = (path / "events.jsonl").read_bytes()
    assert len(events) > synced > 0
    (path / "events.jsonl").write_bytes(events[:synced] + bytes(len(events) - synced))
    checks(path)
    assert in_process(lambda: work(parts, path, SHORT, None)) == 0
    assert faults(path, outcome(alone[1]), sent_by(alone[1])) == []


def test_checkpoints_that_were_taken_away_as_advised_lose_no_step(
    parts: TabletopParts, alone: tuple[int, Path], killed: Path, tmp_path: Path
) -> None:
    path = copied(killed, tmp_path / "run")
    assert not list(path.glob(f"{CHECKPOINTS}-wal")), "what was committed lies in one file"
    whole = bytearray((path / CHECKPOINTS).read_bytes())
    whole[whole.rindex(b"journal_digest") + 20] ^= 1
    (path / CHECKPOINTS).write_bytes(whole)
    with pytest.raises(StateError, match=f"move {CHECKPOINTS} away, then vlp resume the run"):
        checks(path)
    (path / CHECKPOINTS).unlink()
    assert in_process(lambda: work(parts, path, SHORT, None)) == 0
    numbers = [line.split()[1] for line in sent_by(path)]
    assert len(numbers) == len(set(numbers)) and outcome(path)["events"] == outcome(alone[1])["events"]


def test_a_run_that_was_killed_as_it_began_tells_how_it_began(
    parts: TabletopParts, alone: tuple[int, Path], tmp_path: Path
) -> None:
    record = RunFolder.record

    def dies(self: RunFolder, event: Event) -> None:
        record(self, event)
        if isinstance(event, RunStarted):
            os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        RunFolder.record = dies  # type: ignore[method-assign]
        work(parts, tmp_path / "run", SHORT, None)

    (tmp_path / "run").mkdir()
    assert in_process(run) == -signal.SIGKILL
    assert in_process(lambda: work(parts, tmp_path / "run", SHORT, None)) == 0
    assert outcome(tmp_path / "run")["events"] == outcome(alone[1])["events"]


def test_a_run_that_is_over_gets_the_report_that_it_misses(alone: tuple[int, Path], tmp_path: Path) -> None:
    path = Path(shutil.copytree(alone[1], tmp_path / "run"))
    (path / "report.html").unlink()
    with pytest.raises(StateError, match=r"one that ended: .*its report was missing and is written now"):
        check_not_over(path)
    assert (path / "report.html").stat().st_size > 1000


def test_what_a_checkpoint_points_to_was_synced_before_it(
    parts: TabletopParts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langgraph.checkpoint.sqlite import SqliteSaver

    synced: dict[int, tuple[int, int]] = {}
    fsync, put = os.fsync, SqliteSaver.put
    looked: list[int] = []

    def noted(file: int) -> None:
        fsync(file)
        stat = os.fstat(file)
        synced[stat.st_ino] = stat.st_size, stat.st_mtime_ns

    def checked(self: Any, config: Any, checkpoint: Any, *rest: Any) -> Any:
        files = [*(tmp_path / "run").glob("decisions/*/*")]
        for file in files:
            stat = file.stat()
            assert synced.get(stat.st_ino) == (stat.st_size, stat.st_mtime_ns), file
        for folder in {file.parent for file in files}:
            assert folder.stat().st_ino in synced and folder.parent.stat().st_ino in synced
        events = checkpoint["channel_values"].get("events", 0)
        assert events <= synced.get((tmp_path / "run/events.jsonl").stat().st_ino, (0, 0))[0]
        looked.append(len(files))
        return put(self, config, checkpoint, *rest)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(SqliteSaver, "put", checked)
    (tmp_path / "run").mkdir()
    work(parts, tmp_path / "run", SHORT, None)
    assert max(looked) >= 4


def test_databases_sync_what_they_commit(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store, in_file(tmp_path / CHECKPOINTS)() as saver:
        for connection in (store._connection, saver.conn):  # type: ignore[attr-defined]
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("persist",)
