"""A line of episodes.jsonl: an episode and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

Line = dict[str, Any]
IDENTITY: Final = ("method", "task", "instruction", "seed", "settings", "weights")
"""An episode whose line agrees in all of these, and in those of LATER, need not be run again."""
LATER: Final = {"stop": "simulator", "code": "unknown"}
"""What lines did not tell at first, and what is to be taken for it where they do not."""
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
    told = [line[name] for name in IDENTITY] + [line.get(name, as_if) for name, as_if in LATER.items()]
    return json.dumps(told, sort_keys=True)
