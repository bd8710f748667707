"""Proposals and clips under an operator's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from planner import Frames, KeepClearGuard, Proposal, Proposer, StillGuard
from tasks.tabletop.rules import BoardRules, read_rules
from tasks.tabletop.world.board import BLOCK_8
from vlp.domains.tabletop.rules import RuledProposer, rule_guards

BLOCKS: dict[str, tuple[float, float]] = {
    name: (0.2 + 0.04 * i, -0.2 + 0.05 * i) for i, name in enumerate(BLOCK_8)
}
FRAMES = np.zeros((2, 4, 4, 3), np.uint8)
TEXTS = (
    "push the red moon to the blue cube",
    "push the blue cube to the red moon",
    "juggle the blocks",
    "push the yellow pentagon to the left side of the board",
    "push the yellow pentagon to the right side of the board",
    "point to the red moon",
)


@dataclass
class ListProposer:
    """Proposes the first n texts, in every beam."""

    texts: Sequence[str] = TEXTS
    asked: list[tuple[int, int]] = field(default_factory=list)

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        self.asked.append((n, seed))
        return [[Proposal(text, 1 / (1 + k)) for k, text in enumerate(self.texts[:n])] for _ in frames]


def blocks_of(frames: Frames) -> list[Mapping[str, tuple[float, float]]]:
    return [BLOCKS for _ in frames]


def proposed(*texts: str, n: int = 4, inner: ListProposer | None = None) -> tuple[RuledProposer, list[str]]:
    ruled = RuledProposer(inner or ListProposer(), read_rules(texts, BLOCK_8), blocks_of)
    rows = ruled.propose(FRAMES, "goal", [[], []], n, seed=7)
    assert len(rows) == 2 and rows[0] == rows[1]
    return ruled, [proposal.text for proposal in rows[0]]


def test_what_moves_a_block_that_must_stay_is_dropped_with_its_reason() -> None:
    ruled, texts = proposed("never move the red moon")
    assert texts == [TEXTS[1], TEXTS[3], TEXTS[4], TEXTS[5]]
    assert [note.text for note in ruled.notes] == [TEXTS[0], TEXTS[2]] * 2
    assert 'a rule says "never move the red moon"' in ruled.notes[0].reason
    assert "can't be read" in ruled.notes[1].reason


def test_what_leads_into_an_area_to_be_kept_clear_is_dropped() -> None:
    _, texts = proposed("keep the left side clear", n=9)
    assert texts == [TEXTS[0], TEXTS[1], TEXTS[4], TEXTS[5]], "the moon and the cube stand in it already"


def test_more_is_asked_for_and_no_more_than_is_wanted_passed_on() -> None:
    inner = ListProposer()
    _, texts = proposed("never move the red moon", n=2, inner=inner)
    assert texts == [TEXTS[1], TEXTS[3]] and inner.asked == [(6, 7)]
    for n, asked in ((30, 64), (64, 64), (80, 80)):
        inner = ListProposer()
        proposed("never move the red moon", n=n, inner=inner)
        assert inner.asked == [(asked, 7)]


@pytest.mark.parametrize("rules", [[], ["at most 5 cm a second"]])
def test_without_rules_about_blocks_nothing_is_changed(rules: list[str]) -> None:
    def never(frames: Frames) -> list[Mapping[str, tuple[float, float]]]:
        raise AssertionError("nobody needs to look")

    inner = ListProposer()
    ruled: Proposer = RuledProposer(inner, read_rules(rules), never)
    rows = ruled.propose(FRAMES, "goal", [[], []], 3, seed=7)
    assert [proposal.text for proposal in rows[0]] == list(TEXTS[:3]) and inner.asked == [(3, 7)]


def test_a_block_that_is_hidden_is_still_known_by_its_full_name() -> None:
    rules = read_rules(["never move the red moon"], BLOCK_8)
    ruled = RuledProposer(ListProposer(), rules, lambda frames: [{} for _ in frames])
    rows = ruled.propose(FRAMES, "goal", [[], []], 6, seed=7)
    assert [proposal.text for proposal in rows[0]] == [TEXTS[1], *TEXTS[3:]]


@dataclass(frozen=True)
class NoTracks:
    present: NDArray[np.bool_]
    xy: NDArray[np.float32]
    names: tuple[str, ...] = BLOCK_8


class LineTracker:
    """Every block at x = 0.3 and, in metres, y = red / 100 - 1."""

    def track(self, frames: Frames) -> NoTracks:
        y = frames[:, 0, 0, 0].astype(np.float32) / 100 - 1
        xy = np.stack([np.full_like(y, 0.3), y], axis=-1)[:, None].repeat(len(BLOCK_8), axis=1)
        return NoTracks(np.ones(xy.shape[:2], bool), xy.astype(np.float32))


def test_guards_for_rules() -> None:
    tracker = LineTracker()
    rules = read_rules(
        ["never move the red moon", "keep the left side clear", "at most 5 cm a second"], BLOCK_8
    )
    still, clear = rule_guards(rules, tracker)
    assert isinstance(still, StillGuard) and still.blocks == ("red_moon",)
    assert isinstance(clear, KeepClearGuard)
    start = np.full((1, 4, 4, 3), 110, np.uint8)
    reasons = clear.check(start, np.full((1, 2, 4, 4, 3), 90, np.uint8), ["push"])
    assert reasons == ["red_moon enters the left side in frame 1, which a rule keeps clear"]
    assert clear.check(start, np.full((1, 2, 4, 4, 3), 105, np.uint8), ["push"]) == [None]
    assert rule_guards(BoardRules(), tracker) == [] == rule_guards(read_rules(["at most 5 cm/s"]), tracker)
