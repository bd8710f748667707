"""A run that goes on: the same options, the same weights, its kept state."""

from __future__ import annotations

from pathlib import Path

from vlp.commands.carrying import Conclude, carry_out, load
from vlp.commands.process import stdout_for_result
from vlp.commands.run import Run
from vlp.commands.session import explained
from vlp.driving import check_free
from vlp.durable.keeping import Keeping
from vlp.durable.names import ROBOT
from vlp.durable.postgres import checkpoints
from vlp.durable.store import Store
from vlp.errors import FolderError, StateError
from vlp.events import read_events
from vlp.runfolder import RunFolder, RunFolderError
from vlp.watching import Watcher


def resume(asked: Run, path: Path, store: Store, watcher: Watcher | None = None) -> Conclude:
    """Go on with the run of a folder. Raises FolderError, HeldError where another process is at it, and
    StateError for events that can't be read."""
    check_free(path / ROBOT)
    with stdout_for_result(), _reopened(path) as folder, explained(path):
        keeping = Keeping(store, resumed=True, checkpoints=checkpoints(asked.checkpoints))
        return carry_out(asked, load(asked), folder, keeping, since=_seconds(path), watcher=watcher)


def _reopened(path: Path) -> RunFolder:
    try:
        return RunFolder.reopen(path)
    except RunFolderError as error:
        raise FolderError(str(error)) from error
    except ValueError as error:
        raise StateError(f"state: {error}") from error


def _seconds(path: Path) -> float:
    """That the run has had already."""
    events = read_events(path / "events.jsonl")
    return events[-1].time if events else 0.0
