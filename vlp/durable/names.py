"""Names that the command line needs before anything heavy is imported."""

from __future__ import annotations

from typing import Final

FILE: Final = "state.sqlite"
"""What a run keeps, in its folder."""

ROBOT: Final = "robot"
"""In a run's folder: the stop and the lease of its robot."""
