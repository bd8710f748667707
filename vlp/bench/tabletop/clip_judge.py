"""A judge of single clips of the board: does the named block move, is the push done in the last frame?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from planner import Frames
from tasks.tabletop.goals import families
from tasks.tabletop.goals.push import fixed_fields, succeeded
from tasks.tabletop.language import UnknownInstruction, canonical, parse
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.seeing.encoder import PoseProbe, Remembering, SlotEncoder
from vlp.bench.video.protocol import ClipVerdict

MOVED: Final = 0.015
"""A block that went further, in metres, has moved."""


def judged(
    probe: PoseProbe, instruction: Instruction, task: Mapping[str, object], first: Frames, last: Frames
) -> ClipVerdict:
    """Whether the named block, and it most of all, moved; and whether the family's rule holds at the end.

    first, last: uint8 [H, W, 3]; task: the numbers that the push fixes at its start, see `fixed_fields`.
    """
    present, where = probe.places(np.stack([first, last]))
    both = present[0, :-1] & present[1, :-1]
    gap = np.where(both, np.linalg.norm(where[1] - where[0], axis=-1)[:-1], 0.0)
    name = families.pushed(instruction)
    most = probe.names[int(gap.argmax())]
    right = bool(gap.max() < MOVED) if name is None else bool(gap.max() > MOVED and most == name)
    blocks = probe.blocks(last)
    if not set(instruction.blocks()) <= set(blocks):
        return ClipVerdict(right, False)
    pusher = (float(where[1, -1, 0]), float(where[1, -1, 1]))
    return ClipVerdict(right, succeeded(instruction.family, task, blocks, pusher))


class BoardClipJudge:
    """See vlp.bench.video.protocol.ClipJudge.

    Args:
        probe: what sees the blocks; not the planner's own eye.
        size: height and width in pixels of the pictures that it knows.
    """

    def __init__(self, probe: PoseProbe, size: tuple[int, int]) -> None:
        self._probe, self._size = probe, size

    def _understood(self, first: Frames, words: str) -> Instruction | None:
        if first.shape[:2] != self._size:
            return None
        try:
            return parse(words, sorted(self._probe.blocks(first)))
        except UnknownInstruction:
            return None

    def other_words(self, first: Frames, words: str, seed: int) -> str | None:
        """The same push of another block that is seen."""
        asked = self._understood(first, words)
        name = None if asked is None else families.pushed(asked)
        if asked is None or name is None:
            return None
        free = sorted(set(self._probe.blocks(first)) - set(asked.blocks()))
        if not free:
            return None
        other = free[int(np.random.default_rng(seed).integers(len(free)))]
        field = "start_block" if "start_block" in asked.fields else "block"
        return canonical(Instruction(asked.family, {**asked.fields, field: other}))

    def verdict(self, first: Frames, last: Frames, words: str) -> ClipVerdict | None:
        """The push's numbers are fixed by the blocks as they are seen in the first frame."""
        asked = self._understood(first, words)
        if asked is None:
            return None
        try:
            task = fixed_fields(asked, self._probe.blocks(first))
        except ValueError:  # a block that is not seen
            return None
        return judged(self._probe, asked, task, first, last)


def load(weights: Path, *, device: str) -> BoardClipJudge:
    """By the part "judge" of a weights folder."""
    encoder = SlotEncoder.from_pretrained(weights / "judge").to(device).eval()
    size = (int(encoder.config.height), int(encoder.config.width))
    return BoardClipJudge(PoseProbe(Remembering(encoder)), size)
