"""`vlp resume`: a run that was broken off goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tyro.conf import Positional

from vlp.cli.getting_ready import getting_ready
from vlp.domains.base import domain
from vlp.durable.names import FILE
from vlp.durable.store import Store
from vlp.errors import FolderError
from vlp.session.ending import check_not_over
from vlp.session.options import check_weights, kept_run

if TYPE_CHECKING:
    from vlp.agent.watcher import Watcher
    from vlp.session.run import Conclude


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Go on with a run that was broken off, stopped, or waits for an operator; nothing is done twice."""

    uses_torch: ClassVar[bool] = True

    run_folder: Positional[Path]
    """The folder of the run."""
    json: bool = False
    """Print the result as one line of JSON, the last on stdout."""

    def run(self) -> int:
        """Raises StateError where the run can't be gone on with as it was begun."""
        return gone_on(self.run_folder, as_json=self.json)()


def gone_on(folder: Path, *, as_json: bool = False, watcher: Watcher | None = None) -> Conclude:
    """Go on with a run, followed by `watcher` in the place of the terminal; says how it ended. Raises
    FolderError, HeldError and StateError."""
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
            from vlp.session.resume import resume

        return resume(replace(asked, json=as_json), path, store, watcher)
