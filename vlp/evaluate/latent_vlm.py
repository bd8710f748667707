"""The learned VLM on held-out episodes: `python -m vlp.evaluate.latent_vlm`. Writes results/latent-vlm.json.

Episodes of one subgoal and of several are told apart: there the words name what is to be done next, here the
picture must tell.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from video.latent.ends import SUBGOAL
from video.latent.store import FrameStore, pack
from vlp.bench.stats import average, share
from vlp.evaluate.common import run_main, write
from vlp.evaluate.world import digest
from vlp.models.device import choose_device
from vlp.vlm.latent.vlm import LatentVLM

SHORT: Final = 3
"""Frames of a subgoal that has no middle."""
MOMENTS: Final = 8
"""Frames of an episode that are looked at, evenly spaced from its first to its last."""


@dataclass(frozen=True)
class LatentVlmOptions:
    """What is measured."""

    models: Path
    """Weights of vlp train world-vlm."""
    data: Path
    """A LeRobotDataset v3.0 that was not trained on."""
    episodes: int = 200
    device: str = "auto"
    out: Path = Path("results")


@dataclass
class Told:
    """What it said of episodes of a kind."""

    same: list[bool] = field(default_factory=list)
    """Whether the likeliest subgoal was the demonstrator's, word by word; there may be others as good."""
    order: list[float] = field(default_factory=list)
    """Correlation of steps-to-go with the truth, within each success."""
    done: list[float] = field(default_factory=list)
    """Chance of success at the end of successes; undone: at all other moments."""
    undone: list[float] = field(default_factory=list)
    over: list[float] = field(default_factory=list)
    """Chance that a subgoal is reached at its end; unfinished: halfway there."""
    unfinished: list[float] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Figures."""
        return {
            "same_subgoal": share(self.same),
            "steps_to_go_correlation": average(self.order),
            "area_under_roc_of_success": area(np.array(self.done), np.array(self.undone)),
            "done_is_seen": share([chance > 0.5 for chance in self.done]),
            "undone_is_taken_for_done": share([chance > 0.5 for chance in self.undone]),
            "area_under_roc_of_subgoals": area(np.array(self.over), np.array(self.unfinished)),
            "subgoal_over_is_seen": share([chance > 0.5 for chance in self.over]),
            "subgoal_halfway_is_taken_for_over": share([chance > 0.5 for chance in self.unfinished]),
        }


def area(high: NDArray[np.float64], low: NDArray[np.float64]) -> float | None:
    """The chance that one of `high` is above one of `low`, ties half (Mann and Whitney, 1947)."""
    if not len(high) or not len(low):
        return None
    above = (high[:, None] > low).mean() + 0.5 * (high[:, None] == low).mean()
    return round(float(above), 4)


def ask(vlm: LatentVLM, store: FrameStore, episode: int, told: Told) -> None:
    """All three questions about moments of an episode."""
    start, stop = int(store.start[episode]), int(store.stop[episode])
    numbers = np.unique(np.linspace(start, stop - 1, MOMENTS).astype(int))
    frames, task = np.asarray(store.frames[numbers]), store.texts[store.text[start, 1]]
    for row, number in zip(
        vlm.propose(frames[:-1], task, [()] * (len(frames) - 1), 1, seed=episode), numbers, strict=False
    ):
        told.same.append(bool(row) and row[0].text == store.texts[store.text[number, 0]])
    chances = [vlm.chance(frame, task) for frame in frames]
    told.undone.extend(chances[:-1])
    if not store.success[episode]:
        told.undone.append(chances[-1])
        return
    told.done.append(chances[-1])
    ask_of_subgoals(vlm, store, episode, told)
    steps = vlm.steps_to_go(frames, task).mean
    if len(numbers) > 2 and steps.std() > 0:
        told.order.append(float(np.corrcoef(steps, stop - 1 - numbers)[0, 1]))


def ask_of_subgoals(vlm: LatentVLM, store: FrameStore, episode: int, told: Told) -> None:
    """Whether each subgoal of a success is reached, at its last frame and halfway there."""
    column = store.text[store.start[episode] : store.stop[episode], SUBGOAL]
    edges = [0, *(np.flatnonzero(np.diff(column)) + 1), len(column)]
    for first, stop in itertools.pairwise(edges):
        if stop - first < SHORT:
            continue
        words = store.texts[column[first]]
        for found, number in ((told.over, stop - 1), (told.unfinished, (first + stop) // 2)):
            frame = np.asarray(store.frames[store.start[episode] + number])
            found.append(vlm.chance(frame, words, SUBGOAL))


def measured(vlm: LatentVLM, store: FrameStore, episodes: int) -> dict[str, object]:
    """Figures by kind of episode; a random choice where there are more."""
    chosen = np.random.default_rng(0).permutation(len(store.start))[:episodes]
    kinds = {"one_subgoal": Told(), "several": Told()}
    for episode in np.sort(chosen):
        subgoals = np.unique(store.text[store.start[episode] : store.stop[episode], 0])
        ask(vlm, store, int(episode), kinds["several" if len(subgoals) > 1 else "one_subgoal"])
    return {name: told.row() for name, told in kinds.items()}


def main(options: LatentVlmOptions) -> None:
    """Measure and write."""
    vlm = LatentVLM.load(options.models, device=choose_device(options.device))
    with TemporaryDirectory() as folder:
        store = pack([options.data], Path(folder), report=lambda _: None)
        found = measured(vlm, store, options.episodes)
    about = {"data": options.data.name, "moments": MOMENTS, "weights": digest(options.models)}
    write("latent-vlm", about | found, options.out)


if __name__ == "__main__":
    run_main(main, LatentVlmOptions)
