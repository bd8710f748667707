"""One video model on the held-out clips: a row a clip, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from planner import ActionModel, Frames, VideoModel
from planner.guards.inverse import explain_clips, inconsistency
from vlp.bench.video.clips import BenchClips
from vlp.bench.video.cost import PeakMemory
from vlp.bench.video.frechet import Features, features
from vlp.bench.video.pixels import clip_psnr, moved, ssim
from vlp.bench.video.protocol import ClipJudge, MeasuredModel
from vlp.errors import ModelError, UsageError

BATCH: Final = 8
"""Clips that a model is asked for in one call."""
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Measured:
    """Of one model."""

    rows: list[Row]
    """One a clip."""
    features: Features
    """Of its clips, see `frechet`."""
    clips_a_second: float
    peak_memory_gb: float


def measure(
    given: MeasuredModel,
    bench: BenchClips,
    *,
    judge: ClipJudge | None,
    inverse: ActionModel | None,
    device: str,
    seed: int,
    tick: Callable[[float], None] = lambda _: None,
) -> Measured:
    """Imagine each clip from its first frame and words, and compare.

    inverse: explains the clips of every model alike; tick: is told of every clip that is done. Raises
    UsageError for clips of another shape than the data's, ModelError for a model that fails.
    """
    clips, seeds = bench.clips, [seed + k for k in range(len(bench.starts))]
    _imagine(given.model, clips.first[:1], clips.words[:1], seeds[:1])  # what is made once is not counted
    memory, begun = PeakMemory(device), time.monotonic()
    drawn = _all(given.model, clips.first, clips.words, seeds, tick)
    seconds, peak = time.monotonic() - begun, memory.gigabytes()
    if drawn.shape != clips.truth.shape:
        raise UsageError(
            f"video: expected clips {clips.truth.shape[1:]} as the data's, got {drawn.shape[1:]} from "
            f"{given.name}; give models and data of one size"
        )
    rows = _rows(given.name, bench, drawn, inverse)
    if judge is not None:
        _judge(rows, given.model, bench, drawn, judge, seeds)
    return Measured(rows, features(clips.first, drawn), round(len(seeds) / seconds, 3), peak)


def truth(bench: BenchClips, judge: ClipJudge | None, inverse: ActionModel | None) -> Measured:
    """What the recording itself gets: no model can be asked for more by this judge."""
    rows = _rows("truth", bench, bench.clips.truth, inverse)
    for row, first, clip in zip(rows, bench.clips.first, bench.clips.truth, strict=True):
        row |= {"psnr": None, "psnr_moved": None, "ssim": None}
        if judge is not None and row["fresh"]:
            _note(row, judge, first, clip[-1], row["words"])
    return Measured(rows, features(bench.clips.first, bench.clips.truth), 0.0, 0.0)


def _imagine(model: VideoModel, first: Frames, words: Sequence[str], seeds: Sequence[int]) -> Frames:
    try:
        drawn = model.imagine(first, list(words), list(seeds))
    except ValueError as error:  # words or pictures that are not of the model's world
        raise UsageError(f"video: expected words and pictures that it knows, got {error}") from error
    if not np.isfinite(drawn).all():
        raise ModelError(f"video: expected pictures, got numbers that are not finite for {words[0]!r:.60}")
    return np.asarray(drawn)


def _all(
    model: VideoModel,
    first: Frames,
    words: Sequence[str],
    seeds: Sequence[int],
    tick: Callable[[float], None],
) -> Frames:
    parts = []
    for i in range(0, len(seeds), BATCH):
        some = slice(i, i + BATCH)
        parts.append(_imagine(model, first[some], words[some], seeds[some]))
        tick(len(parts[-1]))
    return np.concatenate(parts)


def _rows(name: str, bench: BenchClips, drawn: Frames, inverse: ActionModel | None) -> list[Row]:
    clips, rows = bench.clips, []
    for number, (first, true, own) in enumerate(zip(clips.first, clips.truth, drawn, strict=True)):
        row: Row = {"model": name, "clip": number, "start": int(bench.starts[number])}
        row |= {"words": clips.words[number], "fresh": bool(bench.fresh[number])}
        row |= {"psnr": clip_psnr(own, true), "psnr_moved": clip_psnr(own, true, moved(first, true))}
        rows.append(row | {"ssim": ssim(own, true), "inverse": None})
    for i in range(0, len(drawn) if inverse is not None else 0, BATCH):
        assert inverse is not None
        some = slice(i, i + BATCH)
        explained = explain_clips(inverse, clips.first[some], drawn[some], (0,))
        for row, score in zip(rows[some], inconsistency(explained), strict=True):
            row["inverse"] = float(score)
    return rows


def _judge(
    rows: list[Row],
    model: VideoModel,
    bench: BenchClips,
    drawn: Frames,
    judge: ClipJudge,
    seeds: Sequence[int],
) -> None:
    """Of clips that begin with their words: as told, and told of another thing instead."""
    first = bench.clips.first
    others: dict[int, str] = {}
    for number, row in enumerate(rows):
        if row["fresh"]:
            _note(row, judge, first[number], drawn[number, -1], row["words"])
            words = judge.other_words(first[number], row["words"], seeds[number])
            others |= {number: words} if words is not None else {}
    if not others:
        return
    numbers, told = list(others), list(others.values())
    drawn = _all(model, first[numbers], told, [seeds[number] for number in numbers], lambda _: None)
    for number, clip, words in zip(numbers, drawn, told, strict=True):
        verdict = judge.verdict(first[number], clip[-1], words)
        if verdict is not None:
            rows[number] |= {"other_words": words, "other_moves": verdict.moves}


def _note(row: Row, judge: ClipJudge, first: Frames, last: Frames, words: str) -> None:
    verdict = judge.verdict(first, last, words)
    if verdict is not None:
        row |= {"moves": verdict.moves, "reached": verdict.reached}
