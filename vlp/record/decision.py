"""A decision on disk: its search tree with every clip, lossless, and what came of acting on it.

decisions/<kk>/ holds tree.json, root.png, clips_<s>.png (a row a branch, its T frames side by side) and
acted_<n>.json with acted_<n>.png (imagined frames, then the real ones).
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from executors.safety.files import replace_file, sync, sync_folder
from planner import Frames, Node, NoPlan, Plan, PlanStep, Search, Tree
from vlp.record.filmstrip import read_png, sheet, strip, unstrip, write_png

FORMAT = 1
ROWS_A_SHEET = 64  # larger pictures take much memory, and viewers refuse them
NO_PLAN = "no plan"


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """One search as it was saved. `plan` is None where no branch was fit to be acted on."""

    number: int  # 1, 2, ...
    tree: Tree
    plan: Plan | None
    stopped: str  # Search.stopped, or "no plan"
    seconds: float
    expected_success: float | None = None  # of the plan's first step, 0..1; None where it is not known


@dataclass(frozen=True, slots=True, eq=False)
class ActedSubgoal:
    """What was imagined for a subgoal beside what was then seen, frame for frame."""

    decision: int
    subgoal: str
    imagined: Frames  # [T, H, W, 3]
    real: Frames  # [T', H, W, 3], at the times of the imagined frames; T' < T where acting ended early
    outcome: str  # "done", "go on" or "replan"

    def __post_init__(self) -> None:
        if self.imagined.shape[1:] != self.real.shape[1:]:
            raise ValueError(
                f"real: expected frames {list(self.imagined.shape[1:])} as imagined, "
                f"got {list(self.real.shape[1:])}; resize them"
            )


def save_decision(folder: Path, number: int, found: Search | NoPlan, seconds: float) -> list[Path]:
    """Write decision `number` (from 1) into `folder`, which is made; its files, which last through a power
    cut. tree.json comes last: it seals it. What a run that was broken off had of it is written anew."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    tree = found.tree
    stopped, plan = (found.stopped, found.plan.steps) if isinstance(found, Search) else (NO_PLAN, ())
    expected = found.expected_success if isinstance(found, Search) else None
    write_png(folder / "root.png", tree.root_frame)
    places = _save_clips(folder, tree.nodes)
    record = {
        "format": FORMAT,
        "decision": number,
        "goal": tree.goal,
        "seconds": seconds,
        "stopped": stopped,
        "expected_success": expected,
        "plan": [step.node_id for step in plan],
        "root": {
            "steps_to_go": _json_number(tree.root_steps_to_go),
            "spread": _json_number(tree.root_spread),
            "file": "root.png",
        },
        "nodes": [_node_record(node, places.get(node.id)) for node in tree.nodes],
    }
    pictures = sorted(folder.iterdir())
    for picture in pictures:
        sync(picture)
    replace_file(folder / "tree.json", json.dumps(record, indent=1, allow_nan=False))
    sync_folder(folder.parent)
    return [*pictures, folder / "tree.json"]


def load_decision(folder: Path) -> Decision:
    """A decision as it was: same ids, numbers and pixels (numbers that were not finite come back as NaN).

    Raises ValueError where `folder` holds no such decision.
    """
    try:
        record = json.loads((folder / "tree.json").read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ValueError(f"format {record['format']}, of another version")
        root, clips = read_png(folder / record["root"]["file"]), _Clips(folder)
        nodes = tuple(_node(item, clips, root.shape) for item in record["nodes"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"expected a saved decision (format {FORMAT}) in {folder}, got {error!r}; run it again"
        ) from error
    numbers = (_number(record["root"]["steps_to_go"]), _number(record["root"]["spread"]))
    tree = Tree(record["goal"], root, *numbers, nodes)
    return Decision(
        record["decision"],
        tree,
        _plan(nodes, record["plan"]),
        record["stopped"],
        record["seconds"],
        record.get("expected_success"),
    )


def save_acted(folder: Path, acted: ActedSubgoal, number: int) -> list[Path]:
    """Write step `number` (from 1) of a plan into its decision's folder; its files, which last through a
    power cut."""
    picture, words = folder / f"acted_{number:02d}.png", folder / f"acted_{number:02d}.json"
    write_png(picture, strip(np.concatenate([acted.imagined, acted.real])))
    sync(picture)
    record = {
        "decision": acted.decision,
        "subgoal": acted.subgoal,
        "outcome": acted.outcome,
        "imagined": len(acted.imagined),
        "real": len(acted.real),
    }
    replace_file(words, json.dumps(record, indent=1))
    return [picture, words]


def drop_unknown(decisions: Path, known: Set[str]) -> None:
    """Remove decisions, and what was acted on of them, that are not among the `known` files (as
    "01/tree.json"): they are made again."""
    for folder in [path for path in decisions.glob("*") if path.is_dir()]:
        if f"{folder.name}/tree.json" not in known:
            shutil.rmtree(folder)
            continue
        for path in folder.glob("acted_*"):
            if f"{folder.name}/{path.name}" not in known:
                path.unlink()


def load_acted(folder: Path) -> list[ActedSubgoal]:
    """Every acted subgoal of a decision's folder, in order."""
    return [_acted(path) for path in sorted(folder.glob("acted_*.json"))]


def _acted(path: Path) -> ActedSubgoal:
    record = json.loads(path.read_text(encoding="utf-8"))
    imagined = record["imagined"]
    frames = unstrip(read_png(path.with_suffix(".png")), imagined + record["real"])
    return ActedSubgoal(
        record["decision"], record["subgoal"], frames[:imagined], frames[imagined:], record["outcome"]
    )


def _save_clips(folder: Path, nodes: Sequence[Node]) -> dict[int, dict[str, object]]:
    """Where the clip of each node lies."""
    places: dict[int, dict[str, object]] = {}
    with_clip = [(node.id, node.clip) for node in nodes if node.clip is not None]
    for number, first in enumerate(range(0, len(with_clip), ROWS_A_SHEET)):
        rows = with_clip[first : first + ROWS_A_SHEET]
        name = f"clips_{number:02d}.png"
        write_png(folder / name, sheet([strip(clip) for _, clip in rows]))
        for row, (node_id, clip) in enumerate(rows):
            places[node_id] = {"file": name, "row": row, "frames": len(clip)}
    return places


class _Clips:
    """Reads clips back, each sheet once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sheets: dict[str, Frames] = {}

    def read(self, place: Mapping[str, Any], shape: tuple[int, ...]) -> Frames:
        """uint8 [T, H, W, 3] of the frame shape [H, W, 3]."""
        name, row, count = place["file"], place["row"], place["frames"]
        if name not in self._sheets:
            self._sheets[name] = read_png(self._folder / name)
        height, width, _ = shape
        return unstrip(self._sheets[name][row * height : (row + 1) * height, : count * width], count)


def _node_record(node: Node, place: dict[str, object] | None) -> dict[str, object]:
    return {
        "id": node.id,
        "parent": node.parent,
        "depth": node.depth,
        "subgoal": node.subgoal,
        "probability": _json_number(node.probability),
        "seed": node.seed,
        "steps_to_go": _json_number(node.steps_to_go),
        "spread": _json_number(node.spread),
        "kept": node.kept,
        "rejected": node.rejected,
        "clip": place,
    }


def _node(record: Mapping[str, Any], clips: _Clips, shape: tuple[int, ...]) -> Node:
    place = record["clip"]
    clip = None if place is None else clips.read(place, shape)
    return Node(
        id=record["id"],
        parent=record["parent"],
        depth=record["depth"],
        subgoal=record["subgoal"],
        probability=_number(record["probability"]),
        seed=record["seed"],
        clip=clip,
        last_frame=np.zeros(shape, dtype=np.uint8) if clip is None else clip[-1],
        steps_to_go=_number(record["steps_to_go"]),
        spread=_number(record["spread"]),
        kept=record["kept"],
        rejected=record["rejected"],
    )


def _plan(nodes: Sequence[Node], ids: Sequence[int]) -> Plan | None:
    steps = [
        PlanStep(node.subgoal, node.clip, node.steps_to_go, node.spread, node.id)
        for node in (nodes[i] for i in ids)
        if node.clip is not None
    ]
    return Plan(tuple(steps)) if steps else None


def _json_number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value
