"""The search against trees worked out by hand, on the bandit world."""

from __future__ import annotations

import itertools
import json
import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from planner import Frames, NoPlan, Search, StepsToGo, search
from planner.fakes import BanditProposer, BanditValue, BanditVideo, number_frame, number_shown

SMALL: dict[str, Any] = {"beams": 1, "language_branches": 3, "video_branches": 1, "horizon": 2, "seed": 0}


def run(
    proposer: Any = None,
    video: Any = None,
    value: Any = None,
    goal: str = "reach 100",
    start: int = 0,
    **settings: Any,
) -> Search:
    models = (proposer or BanditProposer(), video or BanditVideo(), value or BanditValue())
    return search(*models, number_frame(start), goal, **(SMALL | settings))


def outline(found: Search) -> list[tuple[int, int | None, int, str, int, float, bool]]:
    return [
        (n.id, n.parent, n.depth, n.subgoal, number_shown(n.last_frame), n.steps_to_go, n.kept)
        for n in found.tree.nodes
    ]


@dataclass
class Recorder:
    """A bandit video model that remembers where it was asked to start, and with which seeds."""

    video: BanditVideo = field(default_factory=BanditVideo)
    starts: list[list[int]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        self.starts.append([number_shown(frame) for frame in frames])
        self.seeds += seeds
        return self.video.imagine(frames, subgoals, seeds)


@dataclass(frozen=True)
class Refuse:
    """A guard that gives its reason for every clip whose subgoal is in `texts` (all when empty)."""

    reason: str
    texts: Sequence[str] = ()

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> list[str | None]:
        return [self.reason if not self.texts or text in self.texts else None for text in subgoals]


def test_golden_tree() -> None:
    found = run(beams=2)
    assert outline(found) == [
        (0, None, 1, "add 1", 1, 99.0, False),
        (1, None, 1, "add 2", 2, 98.0, True),
        (2, None, 1, "add 5", 5, 95.0, True),
        (3, 2, 2, "add 1", 6, 94.0, False),
        (4, 2, 2, "add 2", 7, 93.0, True),
        (5, 2, 2, "add 5", 10, 90.0, True),
        (6, 1, 2, "add 1", 3, 97.0, False),
        (7, 1, 2, "add 2", 4, 96.0, False),
        (8, 1, 2, "add 5", 7, 93.0, False),  # ties with node 4, whose id is lower
    ]
    assert found.plan.subgoals == ("add 5", "add 5") and found.plan.steps_to_go == 90
    assert [step.node_id for step in found.plan] == [2, 5] and found.stopped == "horizon"
    assert found.tree.root_steps_to_go == 100 and number_shown(found.tree.root_frame) == 0
    assert [n.id for n in found.tree.children(1)] == [6, 7, 8] and len(found.tree.children(None)) == 3
    assert [number_shown(frame) for frame in found.plan[1].clip] == [7, 10]


def test_frames_travel_with_their_plan() -> None:
    video = Recorder()
    run(video=video, beams=2)
    assert video.starts == [[0, 0, 0], [5, 5, 5, 2, 2, 2]]


def test_global_beam_beats_one_beam_at_a_time() -> None:
    """The way to 100 is the second best branch of the second best beam: no beam finds it alone."""
    proposer = BanditProposer(
        arms=(50, 40), arms_at={50: (1, 2), 40: (45, 44), 52: (1,), 85: (1,), 84: (16,)}
    )
    together = run(proposer, beams=2, horizon=3)
    assert [number_shown(n.last_frame) for n in together.tree.level(2) if n.kept] == [85, 84]
    assert together.plan.subgoals == ("add 40", "add 44", "add 16") and together.plan.steps_to_go == 0
    alone = [run(proposer, start=start, horizon=2).plan.steps_to_go for start in (50, 40)]
    assert alone == [47, 14]


@pytest.mark.parametrize("target", [2, 3, 8, 11, 17, 40])
def test_with_room_for_every_beam_the_search_is_exhaustive(target: int) -> None:
    arms, levels = (1, 4, 6), 3
    found = run(BanditProposer(arms=arms), goal=f"reach {target}", beams=27, horizon=levels, done_below=-1)
    ways = list(itertools.product(arms, repeat=levels))
    last = found.tree.level(levels)
    assert all(node.kept for node in last)
    assert sorted(n.steps_to_go for n in last) == sorted(abs(target - sum(way)) for way in ways)
    best = min(last, key=lambda n: (n.steps_to_go, n.id))
    path = found.tree.path(best.id)
    assert [step.node_id for step in found.plan] == [n.id for n in path][: len(found.plan)]
    assert found.plan.steps_to_go == min(n.steps_to_go for n in path)


def test_a_seed_decides_everything() -> None:
    settings: dict[str, Any] = {"video": BanditVideo(noise=3), "beams": 2, "video_branches": 4, "horizon": 3}
    first, again, other = (run(**settings, seed=seed) for seed in (7, 7, 8))
    assert outline(first) == outline(again) and [n.seed for n in first.tree.nodes] == [
        n.seed for n in again.tree.nodes
    ]
    assert outline(first) != outline(other)


def test_every_branch_has_its_own_seed_of_32_bits() -> None:
    video = Recorder()
    run(video=video, beams=4, video_branches=5, horizon=3, seed=2**70)
    assert len(set(video.seeds)) == len(video.seeds) == 15 + 60 + 60
    assert all(isinstance(seed, int) and 0 <= seed < 2**32 for seed in video.seeds)


def test_trailing_steps_that_make_things_worse_are_dropped() -> None:
    found = run(BanditProposer(arms=(10,), arms_at={10: (7,)}), goal="reach 10", done_below=-1, horizon=3)
    assert found.plan.subgoals == ("add 10",) and found.plan.steps_to_go == 0
    assert len(found.tree.level(3)) == 1


def test_the_first_step_is_kept_even_when_it_makes_things_worse() -> None:
    found = run(goal="reach 0", start=50, horizon=1)
    assert found.plan.subgoals == ("add 1",) and found.plan.steps_to_go > found.tree.root_steps_to_go


def test_a_finished_beam_stands_and_the_others_go_on() -> None:
    video = Recorder()
    found = run(BanditProposer(arms=(10, 1)), video, goal="reach 10", beams=2, done_below=0)
    assert video.starts == [[0, 0], [1, 1]] and found.plan.subgoals == ("add 10",)
    done = run(BanditProposer(arms=(10, 9)), goal="reach 10", beams=2, horizon=5, done_below=1)
    assert done.stopped == "finished" and len(done.tree.nodes) == 2


def test_a_deadline_in_the_past_leaves_one_level() -> None:
    found = run(beams=2, horizon=5, deadline=time.monotonic() - 1)
    assert found.stopped == "deadline" and {n.depth for n in found.tree.nodes} == {1} and len(found.plan) == 1
    assert run(beams=2, horizon=3, deadline=time.monotonic() + 60).stopped == "horizon"


def test_a_deadline_passing_while_subgoals_are_proposed_spares_the_clips() -> None:
    @dataclass(frozen=True)
    class Slow(BanditProposer):
        def propose(self, frames: Frames, *rest: Any, seed: int) -> Any:
            time.sleep(0.2 if number_shown(frames[0]) else 0)
            return super().propose(frames, *rest, seed=seed)

    video = Recorder()
    found = run(Slow(), video, deadline=time.monotonic() + 0.1)
    assert found.stopped == "deadline" and len(video.starts) == 1 and len(found.plan) == 1


def test_rejected_branches_keep_their_frames_and_reasons() -> None:
    found = run(guards=[Refuse("no fives", ["add 5"]), Refuse("never asked", ["add 5"])])
    refused = [n for n in found.tree.nodes if n.rejected]
    assert [n.rejected for n in refused] == ["no fives"] * 2 and not any(n.kept for n in refused)
    assert refused[0].clip is not None and refused[0].steps_to_go == 95
    assert found.plan.subgoals == ("add 2", "add 2") and found.tree.rejections() == {"no fives": 2}


def test_all_rejected_is_no_plan_with_the_reasons_counted() -> None:
    guards = [Refuse("nothing moves", ["add 1"]), Refuse("red_star vanished in frame 1")]
    with pytest.raises(NoPlan) as failure:
        run(guards=guards, video_branches=2)
    assert str(failure.value) == (
        "no plan: all 6 branches were rejected (4 x red_star vanished in frame 1, 2 x nothing moves); "
        "nothing is done; try another seed or more branches"
    )
    assert failure.value.reasons == {"red_star vanished in frame 1": 4, "nothing moves": 2}
    assert len(failure.value.tree.nodes) == 6
    assert str(pickle.loads(pickle.dumps(failure.value))) == str(failure.value)


def test_a_later_level_without_survivors_ends_the_plan_before_it() -> None:
    @dataclass(frozen=True)
    class RefuseAfterTheRoot:
        def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> list[str | None]:
            return ["too far" if number_shown(start) else None for start in starts]

    found = run(guards=[RefuseAfterTheRoot()], horizon=4)
    assert found.stopped == "rejected" and found.plan.subgoals == ("add 5",)
    assert [n.rejected for n in found.tree.level(2)] == ["too far"] * 3 and not found.tree.level(3)


@dataclass
class LooksClosely:
    """A guard that remembers what it was shown and refuses some of it."""

    refuses: Sequence[str] = ()
    shown: list[list[str]] = field(default_factory=list)

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> list[str | None]:
        self.shown.append(list(subgoals))
        return ["looks wrong" if text in self.refuses else None for text in subgoals]


def test_only_what_would_be_kept_is_looked_at_closely() -> None:
    close = LooksClosely(refuses=["add 5"])
    found = run(close_guards=[close])
    assert found.plan.subgoals == ("add 2", "add 2")
    assert close.shown == [["add 5"], ["add 2"]] * 2  # "add 1" would have been kept at no level
    assert found.tree.rejections() == {"looks wrong": 2}
    assert outline(run(close_guards=[LooksClosely()])) == outline(run())


def test_no_branch_that_stands_a_closer_look_is_no_plan() -> None:
    with pytest.raises(NoPlan) as failure:
        run(close_guards=[LooksClosely(refuses=["add 1", "add 2", "add 5"])])
    assert failure.value.reasons == {"looks wrong": 3}


def test_no_subgoals() -> None:
    with pytest.raises(NoPlan, match="no subgoal was proposed for 'reach 100'"):
        run(BanditProposer(arms=()))
    found = run(BanditProposer(arms_at={5: ()}))
    assert found.stopped == "no subgoals" and found.plan.subgoals == ("add 5",)


def test_fewer_subgoals_than_asked_for_make_fewer_clips() -> None:
    assert len(run(language_branches=10, video_branches=2, horizon=1).tree.nodes) == 6


def test_values_that_are_not_finite_reject_their_branch() -> None:
    found = run(value=BanditValue(steps_at={5: float("nan"), 2: float("inf")}), horizon=1)
    assert [n.rejected for n in found.tree.nodes] == [None] + ["steps-to-go is not finite"] * 2
    assert found.plan.subgoals == ("add 1",)
    with pytest.raises(NoPlan, match="3 x steps-to-go is not finite"):
        run(value=BanditValue(steps_at=dict.fromkeys(range(6), float("inf"))), max_value_gain=300)


def test_a_value_that_jumps_is_too_good_to_be_true() -> None:
    found = run(BanditProposer(arms=(5, 512)), goal="reach 600", max_value_gain=300, horizon=1)
    assert [n.rejected for n in found.tree.nodes] == [None, "value jumps by 512 steps (> 300)"]
    unknown_root = run(value=BanditValue(steps_at={0: float("nan")}), max_value_gain=3, horizon=1)
    assert unknown_root.plan.subgoals == ("add 5",)


def test_clips_with_nan_are_dropped_without_any_guard() -> None:
    class Broken(BanditVideo):
        def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Any:
            clips = super().imagine(frames, subgoals, seeds).astype(np.float32)
            clips[[text == "add 5" for text in subgoals], 1, 0, 0] = np.nan
            return clips

    found = run(video=Broken(), horizon=1)
    assert [n.rejected for n in found.tree.nodes] == [None, None, "frame 2 holds NaN"]
    assert found.plan[0].clip.dtype == np.uint8 and number_shown(found.plan[0].clip[-1]) == 2


@pytest.mark.parametrize("name", ["beams", "language_branches", "video_branches", "horizon"])
@pytest.mark.parametrize("size", [0, -1, 65, 10**12, 2.5, None])
def test_sizes_out_of_range(name: str, size: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected 1 to 64, got {size}; give"):
        run(**{name: size})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seed": -1}, "seed: expected"),
        ({"seed": 0.5}, "seed: expected"),
        ({"goal": "  "}, "goal: expected an instruction"),
    ],
)
def test_other_bad_arguments(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        run(**wrong)


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_bad_frames(frame: Any) -> None:
    with pytest.raises(ValueError, match=r"frame: expected uint8 \[H, W, 3\]"):
        search(BanditProposer(), BanditVideo(), BanditValue(), frame, "reach 1", **SMALL)


def test_models_that_break_their_contract_are_named() -> None:
    class OneClip(BanditVideo):
        def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
            return super().imagine(frames, subgoals, seeds)[:1]

    class OneScore(BanditValue):
        def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
            return super().steps_to_go(frames[:1], goal)

    for models, words in (
        ({"video": OneClip()}, r"imagine: expected clips \(3, 'T', 4, 4, 3\), got \(1, 2, 4, 4, 3\)"),
        ({"value": OneScore()}, r"steps_to_go: expected \[3\]"),
        ({"proposer": BanditProposer(arms=(1, 1))}, "propose: expected up to 3 distinct subgoals"),
    ):
        with pytest.raises(AssertionError, match=words):
            run(**models)


def test_events_tell_the_progress_in_json() -> None:
    told: list[tuple[str, dict[str, object]]] = []
    run(
        beams=2,
        guards=[Refuse("no ones", ["add 1"])],
        on_event=lambda kind, details: told.append((kind, details)),
    )
    assert [kind for kind, _ in told] == ["level_started", "proposed", "imagined", "scored"] * 2
    assert json.loads(json.dumps(told[3][1])) == {
        "depth": 1,
        "kept": [2, 1],
        "best_steps_to_go": 95.0,
        "rejected": 1,
    }
    assert told[6][1] == {"depth": 2, "clips": 6}


def test_the_tree_owns_its_frames() -> None:
    frame = number_frame(0)
    found = search(BanditProposer(), BanditVideo(), BanditValue(), frame, "reach 9", **SMALL)
    frame[:] = 255
    assert number_shown(found.tree.root_frame) == 0
