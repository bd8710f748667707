"""The protocol as `vlp bench metaworld` runs it: what is asked for, its episodes, and where they run."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tasks.metaworld.available import missing
from tasks.metaworld.catalog import BY_NAME, CAMERAS, EVALUATION
from video.latent.policy.policy import FOLDER as POLICY
from vlp.bench.line import Line, identity
from vlp.bench.log import EpisodeLog
from vlp.bench.metaworld.budgets import BLIND, BUDGETS, METHODS, TRACKS, budget
from vlp.bench.metaworld.episode import SawyerTrial, TrialWorker
from vlp.bench.metaworld.summary import summary, table
from vlp.bench.published import PublishedRun
from vlp.errors import UsageError, WeightsError
from vlp.latent.folder import VLM
from vlp.latent.imagination import hashes
from vlp.progress import Bar

LAST: Final = 2_000_000
"""Seeds from here on are not to be seen by anybody yet."""


class AvdcProtocol:
    """See vlp.bench.published.Published."""

    def check(self, asked: PublishedRun) -> PublishedRun:
        """See Published."""
        if why := missing():
            raise UsageError(f"world: {why}")
        named = replace(
            asked,
            methods=_named("method", asked.methods, METHODS),
            budgets=_named("budget", asked.budgets, BUDGETS),
            tasks=_named("task", asked.tasks, BY_NAME),
            cameras=_named("camera", asked.cameras, CAMERAS),
        )
        _named("track", (asked.track,), TRACKS)
        if not EVALUATION <= asked.first_seed <= LAST - asked.layouts:
            raise UsageError(
                f"first seed: expected {EVALUATION} to {LAST - asked.layouts}, got {asked.first_seed}: "
                "others are trained on, or kept"
            )
        for method in named.methods:
            _weights(method, named)
        if asked.choose == "value" and asked.models and not (asked.models / VLM).is_dir():
            raise WeightsError(
                f"choose: expected a VLM of vlp train world-vlm in {asked.models / VLM}, got none; "
                "train it there, or choose by consistency"
            )
        if asked.follow == "policy" and asked.models and not (asked.models / POLICY).is_dir():
            raise WeightsError(
                f"follow: expected a policy of vlp train world-policy in {asked.models / POLICY}, got none; "
                "train it there, or follow by explain"
            )
        return named

    def run(self, asked: PublishedRun, log: EpisodeLog, *, workers: int) -> dict[str, Any]:
        """See Published."""
        weights = {method: _weights(method, asked) for method in asked.methods}
        trials = list(_trials(asked))
        lines = [trial.line(asked, weights[trial.method]) for trial in trials]
        left = [
            (trial, line)
            for trial, line in zip(trials, lines, strict=True)
            if identity(line) not in log.lines
        ]
        with Bar("episodes", len(lines)) as bar:
            bar.advance(len(lines) - len(left))
            for line in _played(asked, left, workers):
                log.append(line)
                bar.advance()
        return summary(asked, [log.lines[identity(line)] for line in lines])

    def draw(self, result: dict[str, Any], path: Path) -> None:
        """See Published."""
        from vlp.bench.metaworld.plot import plot

        plot(result, path)

    def table(self, result: dict[str, Any]) -> str:
        """See Published."""
        return table(result)


def _named(what: str, given: Sequence[str], known: Any) -> tuple[str, ...]:
    """Each once; all where none is given. Raises UsageError."""
    for name in given:
        if name not in known:
            raise UsageError(f"{what}: expected one of {', '.join(known)}, got {name!r:.40}; choose one")
    return tuple(dict.fromkeys(given or known))


def _trials(asked: PublishedRun) -> Iterator[SawyerTrial]:
    """Task by task and camera by camera; in these, layout by layout, so that what is broken off has compared
    like with like there."""
    for task in asked.tasks:
        for camera in asked.cameras:
            for number in range(asked.layouts):
                for method in asked.methods:
                    for name in asked.budgets:
                        if budget(method, name, asked.clips) is not None:
                            seed = asked.first_seed + number
                            yield SawyerTrial(method=method, budget=name, task=task, camera=camera, seed=seed)


def _weights(method: str, asked: PublishedRun) -> str:
    """The digest of what a method loads, 16 hexadecimal digits; "" for nothing. Raises WeightsError."""
    if method in BLIND:
        return ""
    if method != "bc":
        return hashlib.sha256(json.dumps(hashes(asked.models), sort_keys=True).encode()).hexdigest()[:16]
    files = sorted(asked.bc.glob("*.safetensors")) if asked.bc is not None else []
    if not files:
        raise WeightsError(
            f"bc: expected --bc PATH with weights of vlp train bc --world metaworld, got {asked.bc}; train "
            "some, or leave the method out"
        )
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


_worker: TrialWorker | None = None


def _begin(asked: PublishedRun) -> None:
    import torch

    global _worker
    torch.set_num_threads(1)
    _worker = TrialWorker(asked)


def _measure(trial: SawyerTrial) -> dict[str, Any]:
    assert _worker is not None
    return _worker.run(trial)


def _played(asked: PublishedRun, left: Sequence[tuple[SawyerTrial, Line]], workers: int) -> Iterator[Line]:
    """Lines as their episodes end, in their order."""
    if workers == 1:
        worker = TrialWorker(asked)
        yield from ({**line, **worker.run(trial)} for trial, line in left)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (asked,)) as pool:
        measured = pool.map(_measure, [trial for trial, _ in left], chunksize=1)
        yield from ({**line, **found} for (_, line), found in zip(left, measured, strict=True))


PUBLISHED: Final = AvdcProtocol()
