"""One ablation from its options to its page."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers.utils.logging import disable_progress_bar

from vlp import progress
from vlp.ablate.films import DecisionFilm, films
from vlp.ablate.page import write_page
from vlp.ablate.plot import plot
from vlp.ablate.protocol import AskedAblation
from vlp.ablate.summary import summary
from vlp.ablate.variants import Variant
from vlp.bench.engines import ENGINES
from vlp.bench.episode import Episode
from vlp.bench.execution import run_all
from vlp.bench.line import Line
from vlp.bench.log import EpisodeLog
from vlp.bench.names import EngineName
from vlp.bench.progress import BenchBar
from vlp.bench.session import on_device, write_json

Planned = list[tuple[Variant, Episode]]


def ablate(
    asked: AskedAblation, weights: Path, log: EpisodeLog, *, workers: int, engine: EngineName, boards: int
) -> dict[str, Any]:
    """Run what is asked for and is not in the log yet; the summary, which is also written beside the log with
    its plot and its page, which shows films of `boards` boards."""
    asked = replace(asked, settings=on_device(asked.settings))
    planned = asked.plan()
    with BenchBar(_names(planned)) as bar:
        lines = run_all(
            [episode for _, episode in planned],
            log,
            weights=weights,
            workers=workers,
            engine=ENGINES[engine],
            watcher=bar,
        )
    told = [(variant, line) for (variant, _), line in zip(planned, lines, strict=True)]
    result = {
        "command": shlex.join(["vlp", *sys.argv[1:]]),
        "first_seed": asked.first_seed,
        "episodes": asked.episodes,
        "settings": {name: value for name, value in asked.settings.as_dict().items() if name != "seed"},
        "weights": lines[0]["weights"],
        "stop": asked.stop,
        "code": sorted({line["code"] for line in lines}),
        **summary(asked.ablation, told),
    }
    folder = log.path.parent
    # Figures first: they stand when a film fails or is not waited for.
    write_json(folder / "summary.json", result)
    plot(result, folder / "plot.png")
    shown = _films(asked, lines, weights, boards)
    write_page(result, folder / "plot.png", shown, folder / "ablation.html")
    return result


def _names(planned: Planned) -> Callable[[Line], str]:
    """What a line is called while it is run: its variant, by the settings that it was run with."""
    names = {json.dumps(episode.settings.as_dict()): variant.name for variant, episode in planned}

    def name(line: Line) -> str:
        return names[json.dumps(line["settings"])]

    return name


def _films(
    asked: AskedAblation, lines: Sequence[Line], weights: Path, boards: int
) -> list[tuple[Episode, list[DecisionFilm]]]:
    if not boards:
        return []
    disable_progress_bar()  # of loading
    total = min(boards, asked.episodes) * len(asked.ablation.variants)
    with progress.Bar("films", total) as bar:
        bar.advance(0)  # loading takes a while too
        parts = asked.plan()[0][1].build(weights)
        return list(films(asked, lines, parts, boards, bar.advance))
