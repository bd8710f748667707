"""Meta-World's protocol: budgets of plans, every method at small size, the log it goes on from, its table."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import numpy as np
import pytest

from tests.sawyer import hardly_trained, installed_world, needs_metaworld

needs_metaworld()

from tasks.metaworld.protocol import play  # noqa: E402
from vlp.bench.metaworld import episode as episodes  # noqa: E402
from vlp.bench.metaworld.actors import Effort, PlanningActor, by_clips  # noqa: E402
from vlp.bench.metaworld.budgets import BUDGETS, METHODS, PlanBudget, budget  # noqa: E402
from vlp.bench.metaworld.summary import summary  # noqa: E402
from vlp.cli.main import main  # noqa: E402

__all__ = ["installed_world"]
FRAME = np.zeros((32, 32, 3), np.uint8)


class Steps:
    """A way of so many actions; the gripper stays closed."""

    def __init__(self, count: int) -> None:
        self.left = count

    def action(self, frame: Any) -> Any:
        self.left -= 1
        return np.array([1, 0, 0, 0.5], np.float32) if self.left >= 0 else None


def plans_at(allowed: PlanBudget, *, steps: int, length: int, moves: bool) -> list[int]:
    """The control steps at which plans are made; a hand that moves does so while there are actions."""
    made: list[int] = []
    now = 0

    def plan(frame: Any, number: int, effort: Effort) -> Steps:
        made.append(now)
        return Steps(length)

    actor, hand = PlanningActor(plan, allowed), np.zeros(4, np.float32)
    for now in range(steps):  # noqa: B007  # which `plan` reads
        action = actor({"rgb": FRAME, "hand": hand.copy()})
        hand[0] += 0.005 * float(action[0]) * moves
    assert actor.effort.plans == len(made)
    return made


def test_five_replans_each_after_fifteen_steps_without_progress() -> None:
    limit = budget("ours", "limit", 4)
    assert limit is not None
    # 10 steps that move, 15 that do not; the hand is seen to have stood still a step later.
    assert plans_at(limit, steps=400, length=10, moves=True) == [0, 25, 50, 75, 100, 125]
    assert plans_at(limit, steps=400, length=10, moves=False) == [0, 15, 30, 45, 60, 75]
    assert plans_at(limit, steps=400, length=400, moves=True) == [0]


def test_without_the_limit_a_plan_every_twelve_steps_and_as_many_clips_for_search() -> None:
    free, equal, once = (
        budget(*names, 4) for names in (("single", "free"), ("ours", "equal"), ("once", "limit"))
    )
    assert free and equal and once
    assert plans_at(free, steps=48, length=99, moves=True) == [0, 12, 24, 36]
    assert plans_at(equal, steps=97, length=99, moves=True) == [0, 48, 96]
    assert plans_at(once, steps=400, length=10, moves=False) == [0]


def test_between_plans_it_rests_and_keeps_its_grip() -> None:
    actor = PlanningActor(lambda *_: Steps(1), PlanBudget(most=1))
    first, then = (actor({"rgb": FRAME, "hand": np.zeros(4, np.float32)}) for _ in range(2))
    assert first.tolist() == [1, 0, 0, 0.5] and then.tolist() == [0, 0, 0, 0.5]


def test_search_follows_the_most_consistent_clip() -> None:
    class Fixed:
        vlm = None
        bundle = type("Bundle", (), {"stride": 2})

        def joint(self, frames: Any, words: Any, seeds: Any) -> Any:
            assert len(set(seeds)) == len(seeds) == len(frames)
            number = np.arange(len(frames), dtype=np.uint8)
            clips = number[:, None, None, None, None] * np.ones((1, 3, 32, 32, 3), np.uint8)
            return clips, number[:, None, None] + np.full((1, 6, 4), 0.5, np.float32)

        def inconsistency(self, frames: Any, clips: Any, seeds: Any, words: Any) -> Any:
            return np.array([3, 2, 0.5, 4], np.float32)

        def explain(self, frames: Any, clips: Any, seeds: Any, words: Any) -> Any:
            assert words == ["open the door"]
            return np.full((1, 6, 4), float(clips[0, 0, 0, 0, 0]), np.float32)

    effort, fixed = Effort(), cast(Any, Fixed())
    found = []
    by: Literal["explain", "joint"]
    for clips, by in ((4, "explain"), (1, "explain"), (4, "joint")):
        plan = by_clips(fixed, "open the door", clips=clips, choose="consistency", seed=1, by=by)
        action = plan(FRAME, 0, effort).action(FRAME)
        assert action is not None
        found.append(float(action[0]))
    assert found == [2.0, 0.0, 2.5] and effort.clips == 9


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return hardly_trained(tmp_path_factory)


def test_every_method_runs_and_the_bench_goes_on_from_its_log(
    models: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(episodes, "play", partial(play, most_steps=26))
    weights, cloned = map(str, models)
    command = ("bench", "metaworld", "--track", "165", "--models", weights, "--bc", cloned, "--layouts", "1",
               "--task", "door-open", "--camera", "corner3", "--clips", "2", "--sampling-steps", "1",
               "--device", "cpu", "--out", str(tmp_path / "out"))  # fmt: skip
    assert main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    rows = {(row["method"], row["budget"]): row for row in result["rows"]}
    assert {method for method, _ in rows} == set(METHODS) and {name for _, name in rows} == set(BUDGETS)
    assert not any(row["errors"] for row in rows.values())
    clips = {key: (row["plans"], row["clips"]) for key, row in rows.items()}
    assert clips["single", "free"] == (3, 3) and clips["ours", "equal"] == (2, 4)
    assert (
        clips["once", "limit"] == (1, 2) and clips["act", "free"] == (3, 0) and clips["bc", "limit"] == (0, 0)
    )
    assert result["search_minus_single_at_equal_clips"]["of"] == 1
    lines = [json.loads(line) for line in (tmp_path / "out/episodes.jsonl").read_text().splitlines()]
    assert len(lines) == len(rows) and all(line["code"] for line in lines)
    assert all(bool(line["weights"]) == (line["method"] not in ("expert", "random")) for line in lines)

    def again(*_: object) -> None:
        raise AssertionError("expected nothing to be played again")

    monkeypatch.setattr(episodes.TrialWorker, "run", again)
    assert main([*command]) == 0
    said = (tmp_path / "out/table.md").read_text()
    assert (tmp_path / "out/success.png").read_bytes().startswith(b"\x89PNG")
    assert said.startswith(
        "**Track 165: trained on five expert demonstrations of each task before each camera"
    )
    assert "| expert | limit | 1 |" in said and said in capsys.readouterr().out


def test_a_policy_follows_clips_too_and_a_vlm_chooses_them(
    models: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(episodes, "play", partial(play, most_steps=14))
    command = ("bench", "metaworld", "--track", "more", "--models", str(models[0]), "--layouts", "1",
               "--task", "door-open", "--camera", "corner3", "--clips", "2", "--sampling-steps", "1",
               "--device", "cpu",
               "--method", "ours", "--budget", "free", "--follow", "policy", "--choose", "value", "--out",
               str(tmp_path))  # fmt: skip
    assert main([*command]) == 0
    (line,) = map(json.loads, (tmp_path / "episodes.jsonl").read_text().splitlines())
    assert not line["error"] and line["clips"] == 4
    assert line["settings"]["follow"] == "policy" and line["settings"]["choose"] == "value"


def test_the_experts_share_has_its_interval_and_errors_are_failures() -> None:
    told = ("track", "renderer", "layouts", "first_seed", "clips", "choose", "follow", "sampling_steps")
    asked = cast(Any, SimpleNamespace(**dict.fromkeys(told)))
    common = {"method": "expert", "task": "door-open", "settings": {"budget": "limit", "camera": "corner"},
              "weights": "", "code": "x", "plans": 0, "clips": 0, "seconds_planning": 0.0,
              "seconds": 1.0}  # fmt: skip
    lines = [{**common, "seed": i, "success": i < 8, "held": i < 7, "error": "it broke" if i == 9 else ""}
             for i in range(10)]  # fmt: skip
    (row,) = summary(asked, lines)["rows"]
    assert row["success"] == {"share": 0.8, "of": 10, "interval_95": (0.4902, 0.9433)}
    assert row["held"]["share"] == 0.7 and row["errors"] == 1 and row["seconds_a_plan"] is None


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--track", "166"), 2, "track: expected one of 165, more"),
        (("--track", "165", "--method", "best"), 2, "method: expected one of expert, random"),
        (("--track", "165", "--task", "door"), 2, "task: expected one of door-open"),
        (("--track", "165", "--method", "ours"), 3, "expected --models PATH"),
        (("--track", "165", "--method", "bc"), 3, "expected --bc PATH"),
        (("--track", "165", "--method", "expert", "--first-seed", "10"), 2, "others are trained on, or kept"),
        (("--track", "165", "--method", "expert", "--first-seed", "2000000"), 2, "trained on, or kept"),
    ],
)
def test_bad_input_is_one_line(
    options: tuple[str, ...], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "metaworld", *options, "--out", str(tmp_path / "out")]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line and not (tmp_path / "out").exists()


def test_a_world_without_a_protocol_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "tabletop", "--track", "165"]) == 2
    assert "expected one with a published protocol" in capsys.readouterr().err
