"""A run that goes on: the same options, the same weights, its kept state."""

from __future__ import annotations

from pathlib import Path

from vlp.agent.watcher import Follow
from vlp.durable.event_log import NAME, told
from vlp.durable.keeping import Keeping
from vlp.durable.names import ROBOT
from vlp.durable.postgres import checkpoints
from vlp.durable.store import Store
from vlp.durable.verifying import check_kept
from vlp.errors import FolderError
from vlp.record.folder import RunFolder, RunFolderError
from vlp.session.drive import check_free
from vlp.session.request import RunRequest
from vlp.session.run import Conclude, carry_out, load


def go_on(asked: RunRequest, path: Path, store: Store, follow: Follow) -> Conclude:
    """Go on with the run of a folder. Raises FolderError, HeldError where another process is at it, and
    StateError for what is not as it was left; nothing was changed then."""
    check_free(path / ROBOT)
    keeping = Keeping(store, resumed=True, checkpoints=checkpoints(asked.checkpoints))
    with _reopened(path) as folder:
        check_kept(path, store, keeping)
        _, seconds = told(path / NAME)
        return carry_out(asked, load(asked), folder, keeping, follow, since=seconds)


def _reopened(path: Path) -> RunFolder:
    try:
        return RunFolder.reopen(path)
    except RunFolderError as error:
        raise FolderError(str(error)) from error
