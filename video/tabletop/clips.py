"""Training clips cut from rollouts: first slots, future slots and words, under random symmetries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.domain import CLIP_STRIDE
from tasks.learning.trainer import Batch
from tasks.tabletop.demos.demonstrator import TOUCHING
from tasks.tabletop.demos.rollouts import Rollouts, read_instruction
from tasks.tabletop.demos.symmetry import Renaming, mirror_instruction, mirror_slots
from tasks.tabletop.language import canonical, phrase
from tasks.tabletop.language.instruction import Instruction
from tasks.tabletop.language.tokens import encode
from tasks.tabletop.seeing import slots
from tasks.tabletop.world.board import KINDS

STRIDE = CLIP_STRIDE
FRAMES = 8
PLACE_NOISE = 0.008
"""Standard deviation of the first slots' places, about 2 mm, as the encoder's errors are."""


def _touching(rollouts: Rollouts, push: int) -> bool:
    """False for pushes of a block to a block that ended at the edge of the rule: a clip must show more."""
    instruction = read_instruction(rollouts.push_text[push])
    if instruction.family != "block2block":
        return True
    first, second = (KINDS.index(str(instruction.fields[f])) for f in ("start_block", "target_block"))
    end = rollouts.poses[rollouts.push_stop[push] - 1]
    return bool(np.linalg.norm(end[first, :2] - end[second, :2]) < TOUCHING + 0.001)


class ClipData:
    """All successful pushes of some shards."""

    def __init__(self, shards: Sequence[Path]) -> None:
        states, starts, stops, asked = [], [], [], []
        offset = 0
        for path in shards:
            rollouts = Rollouts.load(path)
            states.append(slots.from_poses(rollouts.poses, rollouts.effector))
            chosen = np.array(
                [i for i in rollouts.push_done.nonzero()[0] if _touching(rollouts, int(i))], int
            )
            starts.append(rollouts.push_start[chosen] + offset)
            stops.append(rollouts.push_stop[chosen] + offset)
            asked += [read_instruction(rollouts.push_text[i]) for i in chosen]
            offset += len(rollouts.poses)
        self.states = np.concatenate(states)
        self.starts, self.stops = np.concatenate(starts), np.concatenate(stops)
        self.instructions: list[Instruction] = asked
        families = np.array([instruction.family for instruction in asked])
        _, family, counts = np.unique(families, return_inverse=True, return_counts=True)
        # By the square root of how often a family comes, so that the rare ones are learned too.
        self._bounds = np.cumsum(counts[family] ** -0.5)

    def __len__(self) -> int:
        return len(self.starts)

    def cut(self, index: int, start: int) -> NDArray[np.float32]:
        """Slots [1 + T, 17, 5] of push `index` from control step `start` on, at rest after its end."""
        steps = np.minimum(start + STRIDE * np.arange(FRAMES + 1), self.stops[index] - 1)
        return np.asarray(self.states[steps])

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], str]:
        """A clip and its words under random symmetries; two in five start where the push starts."""
        index = int(np.searchsorted(self._bounds, rng.random() * self._bounds[-1], side="right"))
        first, last = int(self.starts[index]), int(self.stops[index]) - 4
        start = first if last <= first or rng.random() < 0.4 else int(rng.integers(first, last + 1))
        clip, instruction = self.cut(index, start), self.instructions[index]
        renaming = Renaming(rng.permutation(4))
        clip, instruction = renaming.slots(clip), renaming.instruction(instruction)
        if rng.random() < 0.5 and instruction.family != "block1_to_corner":
            clip, instruction = mirror_slots(clip), mirror_instruction(instruction)
        table = [kind for kind, there in zip(KINDS, clip[0, :, 0], strict=False) if there]
        text = canonical(instruction) if rng.random() < 0.5 else phrase(instruction, table, rng)
        return clip, text


class Clips(Protocol):
    """What batches are drawn from."""

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], str]:
        """A clip [1 + T, 17, 5] and its words."""
        ...


def batches(data: Clips, batch_size: int, seed: int) -> Iterator[Batch]:
    """Random batches for ever: clips [N, 1 + T, 17, 5], first [N, 17, 5] (noisy), words [N, L]."""
    rng = np.random.default_rng(seed)
    while True:
        clips, texts = zip(*(data.draw(rng) for _ in range(batch_size)), strict=True)
        clip = torch.from_numpy(np.stack(clips))
        first = clip[:, 0].clone()
        noise = torch.from_numpy(rng.normal(0, 1, (*first.shape[:2], 4)).astype(np.float32))
        noise *= torch.tensor([PLACE_NOISE, PLACE_NOISE, 0.06, 0.06])
        first[..., 1:] += noise * first[..., :1]
        yield {"clips": clip, "first": first, "words": encode(texts)}
