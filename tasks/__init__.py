"""Worlds, their data and what all learning has in common.

Importing this registers the Gymnasium environment "vlp/Tabletop-v0"; it loads no simulator.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

ENV_ID: Final = "vlp/Tabletop-v0"

with suppress(ModuleNotFoundError):  # a machine that only trains may do without
    import gymnasium

    # The environment has its own time limit, `max_steps`.
    if ENV_ID not in gymnasium.registry:
        gymnasium.register(ENV_ID, entry_point="tasks.tabletop.world.env:TabletopEnv")
