"""Plans on pictures: a world without a simulator, in which nothing moves."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from planner import Frames, FrozenGuard, NoPlan, Search, search
from tasks.data.video_file import write_video
from vlp.errors import NoPlanError
from vlp.latent.alone import GoalAlone
from vlp.models.learned import Learned
from vlp.record.branch_sheet import branch_sheet, in_order
from vlp.record.filmstrip import strip, write_png
from vlp.settings import Settings

DONE_BELOW: Final = 4.0
"""Control steps; below this a picture is taken to show the goal reached."""
NOT_RANKED: Final = "not ranked: there is no VLM beside the weights (vlp train world-vlm)"
ROWS: Final = 40


@dataclass(frozen=True, kw_only=True)
class PicturePlan:
    """What is asked for."""

    goal: str
    out: Path
    """A folder that is there."""
    settings: Settings
    guards: bool = True


def plan(asked: PicturePlan, models: Learned, frame: Frames) -> dict[str, Any]:
    """Search from a picture uint8 [H, W, 3], and write plan.png, plan.mp4, branches.png and plan.json.

    Raises NoPlanError where every branch is rejected; branches.png shows them.
    """
    settings, ranked = asked.settings, models.vlm is not None
    alone = GoalAlone()
    try:
        found = search(
            models.vlm or alone,
            models.pipeline,
            models.vlm or alone,
            frame,
            asked.goal,
            beams=settings.beams,
            language_branches=settings.language_branches,
            video_branches=settings.video_branches,
            horizon=settings.horizon if ranked else 1,
            seed=settings.seed,
            guards=[FrozenGuard()] if asked.guards else [],
            done_below=DONE_BELOW,
        )
    except NoPlan as error:
        raise NoPlanError(f"no plan: {error}; --guards off shows what was imagined") from error
    return _written(asked, models, found if ranked else _unranked(found), ranked)


def _unranked(found: Search) -> Search:
    """Without the number that stands for not knowing."""
    nodes = tuple(replace(node, steps_to_go=math.nan, spread=math.nan) for node in found.tree.nodes)
    return replace(found, tree=replace(found.tree, nodes=nodes))


def _written(asked: PicturePlan, models: Learned, found: Search, ranked: bool) -> dict[str, Any]:
    clips = [step.clip for step in found.plan]
    whole = np.concatenate([found.tree.root_frame[None], *clips])
    write_png(asked.out / "plan.png", strip(whole, gap=2))
    write_png(asked.out / "branches.png", branch_sheet(found, in_order(found)[:ROWS]))
    rate = Fraction(models.bundle.fps / models.bundle.stride).limit_denominator(1000)
    write_video(asked.out / "plan.mp4", whole, rate, pixel_format="yuv444p")
    result = {
        "instruction": asked.goal,
        "plan": list(found.plan.subgoals),
        "ranked": ranked,
        "steps_to_go": [round(step.steps_to_go, 1) for step in found.plan] if ranked else None,
        "branches": len(found.tree.nodes),
        "rejected": dict(found.tree.rejections()),
        "seed": asked.settings.seed,
        "models": str(models.folder),
        "folder": str(asked.out),
    }
    (asked.out / "plan.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def in_words(result: dict[str, Any]) -> Sequence[str]:
    """Lines for a person."""
    steps: Sequence[float | None] = result["steps_to_go"] or [None] * len(result["plan"])
    lines = [
        f"{number}. {subgoal}" + ("" if left is None else f" ({left:.0f} control steps to go after it)")
        for number, (subgoal, left) in enumerate(zip(result["plan"], steps, strict=True), 1)
    ]
    rejected = sum(result["rejected"].values())
    how = "ranked by the VLM beside the weights" if result["ranked"] else NOT_RANKED
    told = f"{result['branches']} branches, {rejected} rejected, {how}"
    return [*lines, told, f"pictures: {result['folder']}/plan.png, plan.mp4, branches.png"]
