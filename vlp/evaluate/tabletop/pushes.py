"""One push asked in words, imagined and acted: the share that succeeds, family by family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks.tabletop.goals.families import REFERENCE_FAMILIES
from tasks.tabletop.world.world import World
from vlp.bench.execution import run_all
from vlp.bench.log import EpisodeLog
from vlp.bench.progress import BenchBar
from vlp.bench.stats import share
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.asked import ask
from vlp.models.weights import BUNDLED
from vlp.settings import Settings


@dataclass(frozen=True)
class PushesOptions:
    """Options of the measurement."""

    episodes: int = 100
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED
    log: Path = Path(".cache/pushes.jsonl")
    workers: int = 2
    max_control_steps: int = 200


def main(options: PushesOptions) -> None:
    """Run one episode a seed over the seven reference families."""
    world, episodes = World(), []
    settings = Settings(
        beams=1,
        language_branches=1,
        video_branches=4,
        horizon=1,
        max_control_steps=options.max_control_steps,
        device="cpu",
    )
    for i in range(options.episodes):
        family = REFERENCE_FAMILIES[i % len(REFERENCE_FAMILIES)]
        asked = ask(world, family, options.first_seed + i)
        layout = (world.poses(), (float(world.target[0]), float(world.target[1])))
        seed = options.first_seed + i
        episodes.append(TabletopEpisode("ours", family, asked.text, seed, settings, layout=layout))
    with EpisodeLog(options.log) as log, BenchBar() as bar:
        lines = run_all(episodes, log, weights=options.weights, workers=options.workers, watcher=bar)
    done = [float(line["score"]) >= 1.0 for line in lines]
    count = len(REFERENCE_FAMILIES)
    by_family = {family: share(done[k::count]) for k, family in enumerate(REFERENCE_FAMILIES)}
    steps = [line["control_steps"] for line in lines]
    write(
        "pushes",
        {
            "first_seed": options.first_seed,
            "settings": settings.as_dict(),
            "stop": episodes[0].stop,
            "push_succeeds": share(done),
            "mean_control_steps": round(sum(steps) / len(steps), 1),
            "by_family": by_family,
        },
    )


if __name__ == "__main__":
    run_main(main, PushesOptions)
