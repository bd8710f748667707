"""A line of episodes.jsonl: an episode and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

Line = dict[str, Any]
IDENTITY: Final = ("method", "task", "instruction", "seed", "settings", "weights")
"""An episode whose line agrees in all of these need not be run again."""
MEASURED: Final = (
    "score",
    "complete",
    "reason",
    "control_steps",
    "decisions",
    "seconds",
    "seconds_by_part",
)


def identity(line: Mapping[str, Any]) -> str:
    """The same text for lines of the same episode. Raises KeyError for what is no such line."""
    return json.dumps([line[name] for name in IDENTITY], sort_keys=True)
