"""Every branch of a search as one picture for an operator: a row a branch, its number beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from planner import Frames, Node, Search
from tasks.domain import Sight
from vlp.record.filmstrip import PAPER, sheet, strip

GAP: Final = 2
LABEL: Final = 230
"""Pixels left of a row, for its words."""
INK: Final = (29, 35, 48)
CHOSEN: Final = (28, 122, 67)


def in_order(found: Search) -> list[Node]:
    """Branches with those of the plan first, then level by level, the most promising first."""
    chosen = {step.node_id for step in found.plan}

    def order(node: Node) -> tuple[bool, int, bool, float]:
        steps = node.steps_to_go if math.isfinite(node.steps_to_go) else math.inf
        return node.id not in chosen, node.depth, node.rejected is not None, steps

    return sorted(found.tree.nodes, key=order)


def branch_sheet(found: Search, nodes: Sequence[Node]) -> Frames:
    """The clips of these branches, uint8 [H, W, 3]; one without a clip has its words alone."""
    chosen = {step.node_id for step in found.plan}
    rows = []
    for node in nodes:
        clip = node.last_frame[None] if node.clip is None else node.clip
        film = strip(clip, gap=GAP)
        rows.append(np.concatenate([_label(node, film.shape[0], node.id in chosen), film], axis=1))
    return sheet(rows, gap=GAP)


def _label(node: Node, height: int, chosen: bool) -> Frames:
    page = Image.new("RGB", (LABEL, height), (PAPER,) * 3)
    pen, ink = ImageDraw.Draw(page), CHOSEN if chosen else INK
    pen.text((8, 4), f"{node.id}", fill=ink, font=ImageFont.load_default(22))
    steps = f"{node.steps_to_go:.0f} steps to go" if math.isfinite(node.steps_to_go) else ""
    note = "in the plan" if chosen else node.rejected or ""
    after = "" if node.parent is None else f"after {node.parent}"
    small = ImageFont.load_default(12)
    lines = [
        *_folded(node.subgoal, small),
        " ".join(word for word in (steps, after) if word),
        *_folded(note, small),
    ]
    for number, words in enumerate(lines[: (height - 30) // 14]):
        pen.text((8, 30 + 14 * number), words, fill=ink, font=small)
    return np.asarray(page, dtype=np.uint8)


def _folded(words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """In lines that fit beside a row."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= LABEL - 16:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def ends(found: Search, nodes: Sequence[Node], sight: Sight) -> list[str]:
    """For each branch what its clip moves, in words."""
    if not nodes:
        return []
    tree = found.tree
    before = [
        tree.root_frame if node.parent is None else tree.nodes[node.parent].last_frame for node in nodes
    ]
    return sight.changes(np.stack(before), np.stack([node.last_frame for node in nodes]))
