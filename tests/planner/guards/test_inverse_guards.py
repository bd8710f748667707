"""Guards that explain clips: in a world whose actions shift a bright square, explained without error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from planner import DisagreementGuard, ExplainedGuards, Frames, Guard, InverseConsistencyGuard
from planner.guards.inverse import Explained, disagreement, explain_clips, inconsistency, unexplained
from planner.guards.limits import GuardLimits, limit_of


def picture(column: int) -> Frames:
    frame = np.full((16, 32, 3), 40, np.uint8)
    frame[6:10, column : column + 4] = 220
    return frame


def moving(*columns: int) -> Frames:
    return np.stack([picture(column) for column in columns])


@dataclass(frozen=True)
class Shifts:
    """Actions say by how many columns the square goes; `wobble` is what each seed adds in predicting."""

    wobble: int = 0
    asked: list[str] = field(default_factory=list, compare=False)

    def explain(self, frames: Frames, clips: Frames, seeds: Sequence[int]) -> NDArray[np.float32]:
        self.asked.append("explain")
        where = (np.concatenate([frames[:, None], clips], 1)[..., 0] > 150).any(2).argmax(2)
        return np.asarray(np.diff(where, axis=1)[..., None], np.float32)

    def predict(self, frames: Frames, actions: NDArray[np.float32], seeds: Sequence[int]) -> Frames:
        self.asked.append("predict")
        begin = (frames[..., 0] > 150).any(1).argmax(1)
        where = begin[:, None] + actions[..., 0].cumsum(1).clip(-3, 3).astype(int)  # no farther, ever
        return np.stack([moving(*(row + self.wobble * seed)) for row, seed in zip(where, seeds, strict=True)])

    def redraw(self, frames: Frames) -> Frames:
        return frames


START = picture(10)[None]
HONEST, JUMP = moving(11, 12, 13)[None], moving(11, 22, 23)[None]


def test_what_differs_and_what_does_not() -> None:
    still = np.repeat(START[:, None], 3, 1)
    assert unexplained(START, HONEST, HONEST)[0] == 0
    assert unexplained(START, still, still)[0] == 0
    assert unexplained(START, HONEST, still)[0] == pytest.approx(1, abs=0.01)
    assert unexplained(START, moving(20, 20, 20)[None], moving(1, 1, 1)[None])[0] > 0.4


def test_clips_that_no_actions_explain_are_dropped() -> None:
    guard: Guard = InverseConsistencyGuard(Shifts(), 0.2)
    assert guard.check(START, HONEST, ["go"]) == [None]
    reason = guard.check(START, JUMP, ["go"])[0]
    assert reason is not None and reason.startswith("its own actions do not lead to it (0.")
    assert reason.endswith("at most 0.20)")
    both = guard.check(np.repeat(START, 2, 0), np.concatenate([JUMP, HONEST]), ["go", "go"])
    assert both[0] is not None and both[1] is None


def test_clips_whose_outcome_is_not_known_are_dropped() -> None:
    assert DisagreementGuard(Shifts(), 0.2).check(START, HONEST, ["go"]) == [None]
    reason = DisagreementGuard(Shifts(wobble=6), 0.2).check(START, HONEST, ["go"])[0]
    assert reason is not None and reason.startswith("what its actions lead to is not known")
    with pytest.raises(ValueError, match="expected 2 or more seeds, got 1"):
        DisagreementGuard(Shifts(), 0.2, (0,)).check(START, HONEST, ["go"])


def test_the_nearest_prediction_counts() -> None:
    explained = explain_clips(Shifts(wobble=6), START, HONEST, (0, 1))
    assert inconsistency(explained)[0] == 0 < disagreement(explained)[0]
    assert isinstance(explained, Explained) and len(explained.again) == 2


def test_several_guards_share_one_explanation() -> None:
    model = Shifts()
    guards = ExplainedGuards([InverseConsistencyGuard(model, 0.2), DisagreementGuard(model, 0.2)])
    reasons = guards.check(np.repeat(START, 2, 0), np.concatenate([JUMP, HONEST]), ["go", "go"])
    assert reasons[0] is not None and reasons[1] is None
    assert model.asked == ["explain", "predict", "predict"]
    with pytest.raises(ValueError, match="expected guards of one model"):
        ExplainedGuards([InverseConsistencyGuard(model, 0.2), DisagreementGuard(Shifts(1), 0.2)])
    with pytest.raises(ValueError, match="expected guards"):
        ExplainedGuards([])


def test_a_limit_is_exceeded_no_more_often_than_asked() -> None:
    rng, rate, over = np.random.default_rng(0), 0.1, []
    for _ in range(400):
        limit = limit_of(list(rng.normal(size=49)), rate)
        over.append((rng.normal(size=200) > limit).mean())
    assert 0.085 < float(np.mean(over)) <= 0.105  # exactly 5 of 50, on the mean
    assert limit_of([3.0, 1.0, 2.0], 0.01) == 3.0
    with pytest.raises(ValueError, match="expected scores"):
        limit_of([], 0.1)


def test_limits_are_kept_beside_the_weights(tmp_path: Path) -> None:
    limits = GuardLimits(level=32, min_changed=0.002, inconsistency=0.2, disagreement=0.2, value_leap=40.0)
    limits.save(tmp_path)
    again = GuardLimits.load(tmp_path)
    assert again == limits
    frozen, explained = again.guards(Shifts())
    still = np.repeat(START[:, None], 3, 1)
    assert frozen.check(START, still, ["go"]) == ["nothing moves"]
    assert explained.check(START, JUMP, ["go"]) != [None]
    assert frozen.check(START, HONEST, ["go"]) == explained.check(START, HONEST, ["go"]) == [None]
    for text in ("{}", "[]", "nonsense", (tmp_path / "guards.json").read_text().replace("0.002", "NaN")):
        (tmp_path / "guards.json").write_text(text)
        with pytest.raises(ValueError, match="guards: expected limits in"):
            GuardLimits.load(tmp_path)
