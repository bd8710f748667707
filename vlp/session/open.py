"""Opening of a run: what is cheap to check, and the run folder around it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from vlp.domains.base import domain
from vlp.durable.names import FILE
from vlp.durable.store import Store
from vlp.errors import FolderError
from vlp.getting_ready import getting_ready
from vlp.session import words
from vlp.session.ending import check_not_over
from vlp.session.folders import RUNS, open_folder
from vlp.session.options import check_weights, kept_run
from vlp.session.request import PlanRequest, Request, RunRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from vlp.agent.watcher import Follow
    from vlp.record.folder import RunFolder
    from vlp.session.run import Conclude
    from vlp.settings import Settings


def begin(request: RunRequest, follow: Follow, root: Path = RUNS) -> Conclude:
    """Carry out an instruction, followed by `follow`; says how it ended. `root`: where its folder is, unless
    the request names one. Raises NoPlanError where it ended without a plan."""
    with _prepared(request, root) as folder:
        with getting_ready("loading libraries"):
            from vlp.session.run import run

        return run(request, folder, follow)


def plan(request: PlanRequest, follow: Follow) -> Conclude:
    """Show a plan; says how it ended. Without guards it may show what can't be. Raises NoPlanError where
    is none."""
    with _prepared(request) as folder:
        with getting_ready("loading libraries"):
            from vlp.session.run import plan_only

        return plan_only(request, folder, follow)


def resume(folder: Path, follow_with: Callable[[Settings], Follow], *, as_json: bool = False) -> Conclude:
    """Go on with a run, followed by `follow_with(its settings)`; says how it ended. Raises FolderError,
    HeldError and StateError."""
    path = folder.absolute()
    if not (path / FILE).is_file():
        raise FolderError(
            f"run folder: expected one that vlp run began, got {str(folder)!r} without {FILE}; "
            "name such a folder"
        )
    with Store(path / FILE, fresh=False) as store:
        asked, weights = kept_run(store)
        check_weights(weights, domain(asked.world).verify(asked.weights))
        check_not_over(path)
        # Nothing heavy before this: what is wrong is said at once.
        with getting_ready("loading libraries"):
            from vlp.session.resume import go_on

        with explained(path):
            return go_on(replace(asked, json=as_json), path, store, follow_with(asked.settings()))


@contextlib.contextmanager
def _prepared(options: Request, root: Path = RUNS) -> Iterator[RunFolder]:
    """A new run folder. However the block is left, it is closed.

    What is cheap to find wrong is looked at before models are loaded and before anything is written.
    """
    from vlp.durable.postgres import check

    settings, _ = options.settings(), options.models()
    check(options.checkpoints if isinstance(options, RunRequest) else "sqlite")
    world = domain(options.world)
    words.check(options)
    world.verify(options.weights)
    with (
        open_folder(options.out, options.instruction, settings.seed, root) as folder,
        explained(folder.path),
    ):
        yield folder


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Says where a run that is broken off has left what it has."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        hint = f"; vlp resume {quote(str(path))} goes on" if (path / FILE).is_file() else ""
        error.add_note(f"the robot has stopped; what there is so far is in {path}{hint}")
        raise
