"""`vlp resume`: a run that was broken off goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tyro.conf import Positional

from vlp.cli.follow import on_terminal
from vlp.process import stdout_for_result
from vlp.session.open import resume


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
        with stdout_for_result():
            conclude = resume(self.run_folder, on_terminal, as_json=self.json)
        return conclude()
