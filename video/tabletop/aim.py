"""Aim: clips of a push to a spot, made of clips of a push in words that the denoiser was trained on.

The denoiser knows eight directions; a push to any spot is the nearest of them, imagined, and then turned and
scaled about where its block began until the block ends at the spot, the pusher along with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from tasks.tabletop.language import UnknownInstruction, canonical, parse
from tasks.tabletop.language.instruction import Instruction, spot_of
from tasks.tabletop.seeing.slots import CENTER, PUSHER, SCALE
from tasks.tabletop.world.board import DIRECTIONS, KINDS

NEAR: Final = 0.11
"""Metres below which the push is imagined as a slight one."""
MOST: Final = 1.2
"""Times as far as it was imagined that a block is brought; it stops short of what is farther."""
STILL: Final = 0.01
"""Metres that a block must be imagined to go for its way to be turned."""


@dataclass(frozen=True)
class Aim:
    """Where a clip's block is to end."""

    row: int
    """The clip's number."""
    block: int
    """Slot."""
    end: tuple[float, float]
    """Metres."""


def aimed(texts: Sequence[str], first: Tensor) -> tuple[list[str], list[Aim]]:
    """Texts in words that the denoiser knows, and the aims of those that name a spot; `first` slots
    [N, 17, 5]."""
    words, aims = list(texts), []
    for row, text in enumerate(texts):
        if " to the spot " not in text:
            continue
        try:
            instruction = parse(text)
        except UnknownInstruction:
            continue
        if instruction.family == "block2spot":
            aim = Aim(
                row, KINDS.index(str(instruction.fields["block"])), spot_of(str(instruction.fields["spot"]))
            )
            aims.append(aim)
            words[row] = _nearest(aim, str(instruction.fields["block"]), first[row, aim.block, 1:3])
    return words, aims


def _nearest(aim: Aim, block: str, start: Tensor) -> str:
    """The push in words that goes nearest to an aim from a slot's place [2]."""
    gap = np.array(aim.end) - (start.cpu().numpy() * SCALE + CENTER)
    unit = {word: np.array(way) / np.hypot(*way) for word, way in DIRECTIONS.items()}
    direction = max(unit, key=lambda word: float(unit[word] @ gap))
    mode = "near" if float(np.hypot(*gap)) < NEAR else "far"
    fields: dict[str, str | tuple[str, ...]] = {"block": block, "direction": direction, "distance_mode": mode}
    return canonical(Instruction("block2relativelocation", fields))


def bent(first: Tensor, clips: Tensor, aims: Sequence[Aim]) -> Tensor:
    """Clips [N, T, 17, 5] from first slots [N, 17, 5], those with an aim turned and scaled to it."""
    if not aims:
        return clips
    result = clips.clone()
    scale = torch.tensor(SCALE, device=clips.device, dtype=clips.dtype)
    center = torch.tensor(CENTER, device=clips.device, dtype=clips.dtype)
    for aim in aims:
        begun = first[aim.row, aim.block, 1:3] * scale
        wanted = torch.tensor(aim.end, device=clips.device, dtype=clips.dtype) - center - begun
        own = clips[aim.row, :, aim.block, 1:3] * scale - begun
        pusher = clips[aim.row, :, PUSHER, 1:3] * scale - begun
        turn = _turn(own[-1], wanted)
        if turn is None:
            continue
        # The pusher comes from where it is, and is turned as far as the push has come.
        share = torch.linspace(0.5, 1.0, len(own), device=clips.device, dtype=clips.dtype)
        result[aim.row, :, aim.block, 1:3] = (begun + own @ turn.T) / scale
        toward = pusher + share[:, None] * (_unscaled(turn, pusher) - pusher)
        shift = own @ turn.T - _unscaled(turn, own)
        result[aim.row, :, PUSHER, 1:3] = (begun + toward + shift) / scale
    return result


def _turn(went: Tensor, wanted: Tensor) -> Tensor | None:
    """The turn and scale [2, 2] that takes one way to another, or None where nothing went."""
    length = float(went.norm())
    if length < STILL:
        return None
    size = min(MOST, float(wanted.norm()) / length)
    a, b = went / length, wanted / wanted.norm().clamp_min(1e-6)
    cos, sin = float(a @ b), float(a[0] * b[1] - a[1] * b[0])
    turn = torch.tensor([[cos, -sin], [sin, cos]], device=went.device, dtype=went.dtype)
    return turn * size


def _unscaled(turn: Tensor, ways: Tensor) -> Tensor:
    """Ways [T, 2] turned, but not scaled."""
    size: Tensor = torch.linalg.det(turn).sqrt().clamp_min(1e-6)
    turned: Tensor = ways @ (turn / size).T
    return turned
