"""Whether what a learned VLM proposes is still to be done, on held-out demonstrations of long tasks:
`python -m vlp.evaluate.tabletop.proposals`. Writes results/latent-proposals.json.

The demonstrator's own list of what is left says so, by poses, which the VLM does not see. Beside it stands
how it would be with subgoals of that task drawn at random among all that its demonstrations name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner import Proposer
from tasks.tabletop.demos.lerobot_read import RecordedEpisode, read_episodes
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.language import canonical
from tasks.tabletop.world import board
from vlp.bench.stats import average
from vlp.evaluate.common import run_main, write
from vlp.evaluate.world import digest
from vlp.vlm.latent.vlm import LatentVLM


@dataclass(frozen=True)
class ProposalOptions:
    """What is measured."""

    vlm: Path
    """Folder of a VLM of vlp train world-vlm."""
    data: Path
    """A LeRobotDataset of the tabletop that was not trained on."""
    every: int = 15
    """Control steps between moments of an episode."""
    count: int = 4
    """Subgoals asked for at a moment."""
    out: Path = Path("results")


@dataclass
class Found:
    """A number a moment: shares, by chance, of proposals that are left to do, whether the likeliest one is,
    and of the subgoals that the episodes of a task name."""

    left: list[float] = field(default_factory=list)
    likeliest: list[float] = field(default_factory=list)
    anyhow: list[float] = field(default_factory=list)


def figures(episodes: Sequence[Found]) -> dict[str, object]:
    """Means of episodes, whose moments are much alike."""
    return {
        name: average([float(np.mean(getattr(found, part))) for found in episodes])
        for name, part in (
            ("left_to_do", "left"),
            ("likeliest_is_left_to_do", "likeliest"),
            ("any_subgoal_of_the_task_is", "anyhow"),
        )
    }


def moments(data: Path, every: int) -> Iterator[tuple[RecordedEpisode, int, set[str]]]:
    """Episodes of long tasks, and frames at which something is left to do, and what."""
    tasks = {task.instruction: task for task in LONG_TASKS}
    for episode in read_episodes(data):
        if (task := tasks.get(episode.instruction)) is None:
            continue
        for frame in range(0, len(episode), every):
            poses = episode.blocks[frame]
            blocks: dict[str, NDArray[np.float64]] = {
                name: poses[k, :2].astype(float)
                for k, name in enumerate(board.KINDS)
                if np.isfinite(poses[k, 0])
            }
            left = {canonical(subgoal.instruction) for subgoal in task.subgoals(blocks)}
            if left and task.reward(blocks, board.BLOCK_8) < 1.0:
                yield episode, frame, left


def measured(vlm: Proposer, options: ProposalOptions) -> dict[str, list[Found]]:
    """Episodes by task."""
    seen = list(moments(options.data, options.every))
    named: dict[str, set[str]] = {}
    for episode, _, _ in seen:
        named.setdefault(episode.instruction, set()).update(episode.subgoal)
    found: dict[int, tuple[str, Found]] = {}
    for number, (episode, frame, left) in enumerate(seen):
        (said,) = vlm.propose(episode.rgb[frame][None], episode.instruction, [()], options.count, seed=number)
        own = named[episode.instruction]
        _, one = found.setdefault(id(episode), (episode.instruction, Found()))
        total = sum(proposal.probability for proposal in said) or 1.0
        one.left.append(sum(proposal.probability for proposal in said if proposal.text in left) / total)
        one.likeliest.append(float(bool(said) and said[0].text in left))
        one.anyhow.append(len(own & left) / len(own))
    by_task: dict[str, list[Found]] = {}
    for task, one in found.values():
        by_task.setdefault(task, []).append(one)
    return by_task


def main(options: ProposalOptions) -> None:
    """Measure and write."""
    found = measured(LatentVLM.load(options.vlm), options)
    about = {"data": options.data.name, "every": options.every, "weights": digest(options.vlm)}
    rows = {task: figures(episodes) for task, episodes in sorted(found.items())}
    every = figures([one for episodes in found.values() for one in episodes])
    write("latent-proposals", about | {"all": every} | rows, options.out)


if __name__ == "__main__":
    run_main(main, ProposalOptions)
