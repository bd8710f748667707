"""Bench session, from its options to its summary."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from vlp.bench.engines import ENGINES
from vlp.bench.execution import run_all
from vlp.bench.line import Line
from vlp.bench.log import EpisodeLog
from vlp.bench.names import EngineName
from vlp.bench.progress import BenchBar
from vlp.bench.protocol import Execution
from vlp.bench.summary import summary
from vlp.errors import UsageError
from vlp.models.device import choose_device
from vlp.settings import Device, Settings


def execution(
    asked: Execution, weights: Path, log: EpisodeLog, *, workers: int, engine: EngineName
) -> dict[str, Any]:
    """Run what is asked for and is not in the log yet; the summary, which is also written beside the log."""
    asked = replace(asked, settings=on_device(asked.settings))
    with BenchBar() as bar:
        lines = run_all(
            asked.plan(), log, weights=weights, workers=workers, engine=ENGINES[engine], watcher=bar
        )
    result = _result(asked, lines)
    write_json(log.path.with_name("summary.json"), result)
    return result


def on_device(settings: Settings) -> Settings:
    """The settings with what "auto" stands for, which is kept with the results: another device gives other
    seconds. Raises UsageError where the device is not there."""
    device = choose_device(settings.device)
    if device == "cuda" and choose_device("auto") != "cuda":
        raise UsageError("device: expected a GPU that torch can use, got none; choose --device cpu or auto")
    return replace(settings, device=cast(Device, device))


def _result(asked: Execution, lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "command": shlex.join(["vlp", *sys.argv[1:]]),
        "first_seed": asked.first_seed,
        "episodes": asked.episodes,
        "settings": {name: value for name, value in asked.settings.as_dict().items() if name != "seed"},
        "weights": lines[0]["weights"],
        "stop": asked.stop,
        "code": sorted({line["code"] for line in lines}),
        "tasks": summary(lines),
    }


def write_json(path: Path, result: dict[str, Any]) -> None:
    """A reader finds the old file or the new one, never half of it."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
