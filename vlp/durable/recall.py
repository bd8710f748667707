"""Models that remember: a question of this decision is not asked twice, after a crash either.

A clip is kept under a digest of what it was imagined from, all clips of a batch in one transaction: a search
that is gone over finds every level that was finished, bit by bit, and imagines only the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from planner import Frames, Guard, Proposal, Proposer, StepsToGo, Value, VideoModel
from vlp.durable.codec import pack, unpack
from vlp.durable.store import Store

RECALLED: Final = "recalled/"


class Recall:
    """Wraps the models of a search. Bound to one run: the store does not know which model answered."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def proposer(self, inner: Proposer) -> Proposer:
        """A proposer that remembers calls."""
        return _Proposes(inner, self)

    def video(self, inner: VideoModel) -> VideoModel:
        """A video model that remembers clips."""
        return _Imagines(inner, self)

    def value(self, inner: Value) -> Value:
        """A value that remembers calls."""
        return _Values(inner, self)

    def guard(self, inner: Guard, number: int) -> Guard:
        """The guard of this number (0, 1, ...), remembering calls."""
        return _Guards(inner, self, number)

    def forget(self) -> None:
        """Once a decision is acted on, nothing of its search is asked again."""
        self._store.forget(RECALLED)

    def call(self, key: str, ask: Callable[[], bytes]) -> bytes:
        """What stands under a key; else what `ask` gives, which is kept."""
        found = self._store.get(key)
        if found is None:
            found = ask()
            self._store.put({key: found})
        return found

    def get(self, key: str) -> bytes | None:
        """What stands under a key, or None."""
        return self._store.get(key)

    def put(self, rows: dict[str, bytes]) -> None:
        """Keep all rows or none."""
        self._store.put(rows)


class _Proposes:
    def __init__(self, inner: Proposer, recall: Recall) -> None:
        self._inner, self._recall = inner, recall

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """See planner.Proposer."""

        def ask() -> bytes:
            found = self._inner.propose(frames, goal, histories, n, seed=seed)
            return pack([[(p.text, p.probability) for p in beam] for beam in found])

        key = _key("propose", [frames], goal, [list(history) for history in histories], n, seed)
        said, _ = unpack(self._recall.call(key, ask))
        return [[Proposal(text, probability) for text, probability in beam] for beam in said]


class _Imagines:
    def __init__(self, inner: VideoModel, recall: Recall) -> None:
        self._inner, self._recall = inner, recall

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> NDArray[Any]:
        """See planner.VideoModel; clips that are known are not imagined again."""
        asked = list(zip(frames, subgoals, seeds, strict=True))
        keys = [_key("imagine", [frame], text, seed) for frame, text, seed in asked]
        kept = {key: self._recall.get(key) for key in keys}
        known = {key: unpack(value)[1]["clip"] for key, value in kept.items() if value is not None}
        new = [i for i, key in enumerate(keys) if key not in known]
        if new:
            clips = self._inner.imagine(frames[new], [subgoals[i] for i in new], [seeds[i] for i in new])
            fresh = {keys[i]: clip for i, clip in zip(new, clips, strict=True)}
            self._recall.put({key: pack(arrays={"clip": clip}) for key, clip in fresh.items()})
            known |= fresh
        return np.stack([known[key] for key in keys])


class _Values:
    def __init__(self, inner: Value, recall: Recall) -> None:
        self._inner, self._recall = inner, recall

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See planner.Value."""

        def ask() -> bytes:
            found = self._inner.steps_to_go(frames, goal)
            return pack(arrays={"mean": found.mean, "spread": found.spread})

        return StepsToGo(**unpack(self._recall.call(_key("value", [frames], goal), ask))[1])


class _Guards:
    def __init__(self, inner: Guard, recall: Recall, number: int) -> None:
        self._inner, self._recall, self._number = inner, recall, number

    def check(self, starts: Frames, clips: NDArray[Any], subgoals: Sequence[str]) -> list[str | None]:
        """See planner.Guard."""
        key = _key("guard", [starts, clips], self._number, list(subgoals))
        said, _ = unpack(self._recall.call(key, lambda: pack(self._inner.check(starts, clips, subgoals))))
        return list(said)


def _key(kind: str, arrays: Sequence[NDArray[Any]], *said: object) -> str:
    digest = hashlib.sha256(json.dumps(said).encode())
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(array.tobytes())
    return f"{RECALLED}{kind}/{digest.hexdigest()}"
