"""A run that goes on: the same options, the same weights, its kept state."""

from __future__ import annotations

from pathlib import Path

from vlp.agent.watcher import Watcher
from vlp.cli.process import stdout_for_result
from vlp.cli.run import Run
from vlp.durable.event_log import NAME, told
from vlp.durable.keeping import Keeping
from vlp.durable.names import ROBOT
from vlp.durable.postgres import checkpoints
from vlp.durable.store import Store
from vlp.durable.verifying import check_kept
from vlp.errors import FolderError
from vlp.record.folder import RunFolder, RunFolderError
from vlp.session.drive import check_free
from vlp.session.open import explained
from vlp.session.run import Conclude, carry_out, load


def resume(asked: Run, path: Path, store: Store, watcher: Watcher | None = None) -> Conclude:
    """Go on with the run of a folder. Raises FolderError, HeldError where another process is at it, and
    StateError for what is not as it was left; nothing was changed then."""
    check_free(path / ROBOT)
    keeping = Keeping(store, resumed=True, checkpoints=checkpoints(asked.checkpoints))
    with stdout_for_result(), _reopened(path) as folder, explained(path):
        check_kept(path, store, keeping)
        _, seconds = told(path / NAME)
        return carry_out(asked, load(asked), folder, keeping, since=seconds, watcher=watcher)


def _reopened(path: Path) -> RunFolder:
    try:
        return RunFolder.reopen(path)
    except RunFolderError as error:
        raise FolderError(str(error)) from error
