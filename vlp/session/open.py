"""Opening of a run: what is cheap to check, and the run folder around it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from vlp.cli.getting_ready import getting_ready
from vlp.cli.process import stdout_for_result
from vlp.domains.base import domain
from vlp.durable.names import FILE
from vlp.session.folders import RUNS, open_folder

if TYPE_CHECKING:
    from vlp.agent.watcher import Watcher
    from vlp.cli.run import Plan, Run
    from vlp.record.folder import RunFolder
    from vlp.session.run import Conclude


def act(options: Run) -> int:
    """Carry out an instruction; the exit code. Raises NoPlanError where it ended without a plan."""
    return carried_out(options)()


def carried_out(options: Run, watcher: Watcher | None = None, root: Path = RUNS) -> Conclude:
    """Carry out an instruction, followed by `watcher` in the place of the terminal; says how it ended.
    `root`: where its folder is, unless the options name one."""
    with _prepared(options, root) as folder:
        with getting_ready("loading libraries"):
            from vlp.session.run import begin

        return begin(options, folder, watcher)


def plan(options: Plan) -> int:
    """Show a plan; the exit code. Without guards it may show what can't be. Raises NoPlanError where there is
    none."""
    with _prepared(options) as folder:
        with getting_ready("loading libraries"):
            from vlp.session.run import plan_only

        conclude = plan_only(options, folder)
    return conclude()


@contextlib.contextmanager
def _prepared(options: Run | Plan, root: Path = RUNS) -> Iterator[RunFolder]:
    """A new run folder. However the block is left, it is closed.

    What is cheap to find wrong is looked at before models are loaded and before anything is written.
    """
    from vlp.durable.postgres import check

    settings, _ = options.settings(), options.models()
    check(getattr(options, "checkpoints", "sqlite"))
    world = domain(options.world)
    world.check(options.instruction, seed=settings.seed, rules=options.rule)
    world.verify(options.weights)
    with (
        stdout_for_result(),
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
