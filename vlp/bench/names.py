"""Names of methods, tasks and bounds; light, so that the command line can list them at once."""

from __future__ import annotations

from typing import Final, Literal, get_args

TaskName = Literal["area", "group", "line"]
EngineName = Literal["process", "ray"]
Stop = Literal["own", "simulator"]
"""Who ends an episode: the agent, where its camera shows the goal reached, or the simulator's verdict."""
MethodName = Literal[
    "ours",
    "no-search",
    "rule-only",
    "learned-only",
    "random-value",
    "best-of-n",
    "no-video",
    "unipi-like",
    "lava-like",
    "bound-simulator-video",
    "bound-demonstrator-proposer",
    "bound-true-value",
]

TASKS: Final[tuple[TaskName, ...]] = ("area", "group", "line")
DEFAULT_METHODS: Final[tuple[MethodName, ...]] = tuple(
    name for name in get_args(MethodName) if not name.startswith("bound")
)
"""All that see only what a camera shows; the bounds know more, so they are run only when asked for."""
