"""What tells when a subgoal is over, on held-out episodes: `python -m vlp.evaluate.latent_termination`.
Writes results/latent-termination.json.

It is asked at the last frame of each subgoal of a success and halfway there, beside the first. Episodes of
one subgoal and of several are told apart, as in `vlp.evaluate.latent_vlm`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from video.latent.ends import SUBGOAL
from video.latent.pipeline import LatentPipeline
from video.latent.store import FrameStore, pack
from video.latent.termination import OVER
from vlp.bench.stats import share
from vlp.evaluate.common import run_main, write
from vlp.evaluate.latent_vlm import SHORT, area
from vlp.evaluate.world import digest
from vlp.latent.folder import opened
from vlp.models.device import choose_device


@dataclass(frozen=True)
class LatentTerminationOptions:
    """What is measured."""

    models: Path
    """Weights of vlp train world."""
    data: Path
    """A LeRobotDataset v3.0 that was not trained on."""
    device: str = "auto"
    out: Path = Path("results")


@dataclass
class OverChances:
    """What it said of subgoals."""

    over: list[float] = field(default_factory=list)
    """At their ends; halfway: there."""
    halfway: list[float] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Figures."""
        return {
            "area_under_roc": area(np.array(self.over), np.array(self.halfway)),
            "over_is_seen": share([chance > OVER for chance in self.over]),
            "halfway_is_taken_for_over": share([chance > OVER for chance in self.halfway]),
        }


def measured(pipeline: LatentPipeline, store: FrameStore) -> dict[str, object]:
    """Figures by kind of episode."""
    kinds = {"one_subgoal": OverChances(), "several": OverChances()}
    for start, stop, success in zip(store.start, store.stop, store.success, strict=True):
        column = store.text[start:stop, SUBGOAL]
        edges = [0, *(np.flatnonzero(np.diff(column)) + 1), len(column)]
        found = kinds["several" if len(edges) > 2 else "one_subgoal"]
        for first, end in itertools.pairwise(edges):
            if not success or end - first < SHORT:
                continue
            words = [store.texts[column[first]]] * 2
            shown = np.asarray(store.frames[[start + end - 1, start + (first + end) // 2]])
            begun = np.repeat(np.asarray(store.frames[[start + first]]), 2, 0)
            over, halfway = pipeline.over(begun, shown, words)
            found.over.append(float(over))
            found.halfway.append(float(halfway))
    return {name: chances.row() for name, chances in kinds.items()}


def main(options: LatentTerminationOptions) -> None:
    """Measure and write."""
    pipeline = LatentPipeline(opened(options.models, choose_device(options.device)))
    with TemporaryDirectory() as folder:
        store = pack([options.data], Path(folder), report=lambda _: None)
        found = measured(pipeline, store)
    about = {"data": options.data.name, "weights": digest(options.models)}
    write("latent-termination", about | found, options.out)


if __name__ == "__main__":
    run_main(main, LatentTerminationOptions)
