"""Error of the judge of imagined plans, as `python -m vlp.evaluate.judge` has measured it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parents[2] / "results" / "judge.json"
COMMAND = "python -m vlp.evaluate.judge"
_SHARES = {
    "agreement": "agrees with the truth",
    "agreement_plans": "on plans",
    "false_accepts": "accepts what does not reach the goal",
    "false_rejects": "rejects what does",
}


def judge_error(path: Path | None = None) -> dict[str, Any] | None:
    """The shares with their intervals, those of spoilt clips by kind; None where they were not measured.

    path: a result of COMMAND, else that of this repository.
    """
    try:
        found = json.loads((path or RESULT).read_bytes())
        kept = {name: found[name] for name in (*_SHARES, "spoilt_accepted")}
        in_words(kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return kept


def in_words(error: Mapping[str, Any] | None) -> str:
    """One line for people."""
    if error is None:
        return f"the judge's own error: not measured; {COMMAND} measures it"
    shares = [f"{words} {_share(error[name])}" for name, words in _SHARES.items()]
    spoilt = [f"{name.replace('_', ' ')} {_share(found)}" for name, found in error["spoilt_accepted"].items()]
    return f"the judge's own error: {', '.join(shares)}; spoilt clips that it accepts: {', '.join(spoilt)}"


def _share(found: Mapping[str, Any]) -> str:
    low, high = found["interval_95"]
    return f"{100 * found['share']:.0f}% [{100 * low:.0f}, {100 * high:.0f}] of {found['of']}"
