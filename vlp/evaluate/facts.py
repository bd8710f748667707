"""Facts of the prose of docs/figures.md, read from results/ or worked out from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from vlp.evaluate.rows import Result


class Facts:
    """What a folder of results says. Raises FileNotFoundError and KeyError for what it does not hold."""

    def __init__(self, results: Path) -> None:
        self.results = results

    def load(self, name: str) -> Any:
        """The result of that name, such as `bench/summary`."""
        return json.loads((self.results / f"{name}.json").read_text(encoding="utf-8"))

    def log(self, name: str, **equal: Any) -> list[Result]:
        """Episodes of a folder's log that agree in the given fields."""
        text = (self.results / name / "episodes.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines()]
        return [row for row in rows if all(row.get(key) == value for key, value in equal.items())]

    def quote(self, words: str) -> str:
        """The words, which experiments.json must hold. Raises ValueError where it does not say them."""
        if not any(words in told for entry in self.load("experiments") for told in entry.values()):
            raise ValueError(f"expected an experiment that says {words!r}, got none in experiments.json")
        return words


def claim(words: str, holds: bool) -> str:
    """Words that are true only while results bear them out. Raises ValueError once they do not."""
    if not holds:
        raise ValueError(f"the results no longer say {words!r}: change the template of docs/figures.md")
    return words


def completed(rows: Iterable[Result]) -> int:
    """How many of the episodes were completed."""
    return sum(bool(row["complete"]) for row in rows)


def count(entry: Result) -> int:
    """How many a share stands for."""
    number: int = round(entry["share"] * entry["of"])
    return number


def difference(entry: Result, sign: int = 1) -> str:
    """A difference in control steps with its interval; with sign -1 seen from the other side."""
    low, high = sorted(sign * end for end in entry["interval_95"])
    return f"{sign * entry['mean']:.0f} [{low:.0f}, {high:.0f}]"


def apart(entry: Result) -> bool:
    """Whether the interval leaves out zero."""
    low, high = entry["interval_95"]
    return bool(low > 0 or high < 0)


def fewer(tasks: Mapping[str, Result]) -> dict[str, list[str]]:
    """Method -> tasks on which ours takes fewer control steps, by an interval that leaves out zero."""
    found: dict[str, list[str]] = {}
    for task, results in tasks.items():
        for method, minus in results["ours_minus"].items():
            steps = minus["steps_to_complete"]
            found.setdefault(method, []).extend([f"{task}s"] if apart(steps) and steps["mean"] < 0 else [])
    return found


def by_width(rows: Iterable[Result]) -> dict[str, list[Result]]:
    """Imagined plans by beams/language branches/video branches, the narrowest search first."""
    found: dict[str, list[Result]] = {}
    for row in rows:
        sizes = row["settings"]
        width = f"{sizes['beams']}/{sizes['language_branches']}/{sizes['video_branches']}"
        found.setdefault(width, []).append(row)
    return dict(sorted(found.items()))


def listed(values: Sequence[object]) -> str:
    """Values as words: `a, b and c`."""
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last


def whole(value: float) -> str:
    """Without decimals."""
    return f"{value:.0f}"


def whole_percent(share: float) -> str:
    """Without decimals and interval."""
    return f"{100 * share:.0f}%"


def dearer(task: Result, method: str) -> float:
    """How many times the seconds of that method a decision of ours takes."""
    ours = task["methods"]["ours"]["seconds_a_decision"]
    return float(ours / task["methods"][method]["seconds_a_decision"])


def always(task: Result) -> list[str]:
    """Methods beside ours that complete every board of the task."""
    found = task["methods"].items()
    return [f"`{name}`" for name, row in found if name != "ours" and row["complete"]["share"] == 1]


def falling(values: Sequence[float]) -> bool:
    """Whether each is below the one before it."""
    return all(later < earlier for earlier, later in pairwise(values))
