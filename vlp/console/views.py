"""Views: what the page's parts show, as plain values for their templates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from planner import Node
from vlp.console import history, pictures
from vlp.console.desk import Desk, DeskScene
from vlp.record.decision import Decision
from vlp.record.report.parts import steps_text

ROWS: Final = 40
"""Branches of a level that are shown, the best first."""
ACTED: Final = 4
"""Subgoals that were acted on, the newest first."""


@dataclass(frozen=True, kw_only=True)
class BranchRow:
    """A branch."""

    node: Node
    in_plan: bool

    @property
    def steps(self) -> str:
        """Steps-to-go in words."""
        return steps_text(self.node.steps_to_go, self.node.spread)

    @property
    def state(self) -> str:
        """What became of it."""
        if self.in_plan:
            return "in the plan"
        return "rejected" if self.node.rejected else "kept" if self.node.kept else "passed"


def part(name: str, desk: Desk, root: Path) -> dict[str, Any]:
    """The values of a part of the page."""
    scene = desk.scene
    match name:
        case "plan":
            return {"scene": scene, **_plan(scene, root)}
        case "acted":
            return {"scene": scene, "acted": _acted(scene, root)}
        case "history":
            return {"scene": scene, "runs": history.entries(root)}
        case "stopped":
            return {"reason": history.latch_of(root).stopped}
        case _:
            return {"scene": scene}


def _plan(scene: DeskScene, root: Path) -> dict[str, Any]:
    number = scene.waits or scene.decision
    run = history.find(root, scene.run) if number else None
    found = None if run is None else pictures.decision(run, number)
    if found is None:
        return {"found": None}
    chosen = () if found.plan is None else found.plan.steps
    return {
        "found": found,
        "base": f"/runs/{quote(scene.run)}/decisions/{number}",
        "steps": chosen,
        "root_steps": steps_text(found.tree.root_steps_to_go, found.tree.root_spread),
        "levels": _levels(found, {step.node_id for step in chosen}),
        "rejected": sum(found.tree.rejections().values()),
    }


def _levels(found: Decision, chosen: set[int]) -> list[tuple[int, Sequence[BranchRow], int]]:
    """Depth, the rows that are shown, and how many are not."""

    def order(row: BranchRow) -> tuple[bool, bool, bool, float]:
        steps = row.node.steps_to_go if math.isfinite(row.node.steps_to_go) else math.inf
        return not row.in_plan, not row.node.kept, row.node.rejected is not None, steps

    levels: list[tuple[int, Sequence[BranchRow], int]] = []
    for depth in sorted({node.depth for node in found.tree.nodes}):
        rows = [BranchRow(node=node, in_plan=node.id in chosen) for node in found.tree.level(depth)]
        rows.sort(key=order)
        levels.append((depth, rows[:ROWS], len(rows[ROWS:])))
    return levels


def _acted(scene: DeskScene, root: Path) -> list[dict[str, Any]]:
    """The newest subgoals that were acted on, each with the address of its picture."""
    run = history.find(root, scene.run) if scene.run else None
    found: list[dict[str, Any]] = []
    number = scene.decision
    while run is not None and number > 0 and len(found) < ACTED:
        done = pictures.acted(run, number)
        found += [
            {"one": one, "picture": f"/runs/{quote(scene.run)}/decisions/{number}/acted/{index}.png"}
            for index, one in reversed(list(enumerate(done, 1)))
        ]
        number -= 1
    return found[:ACTED]
