"""Looking ahead is measured: crowded boards, arms of equal clips, rows that are not run twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from vlp.evaluate.tabletop.ahead import ARMS, PAIRS, AheadOptions, against, main
from vlp.evaluate.tabletop.crowded import GAP, HIGH, LOW, TASKS, crowded


@pytest.mark.parametrize("task", TASKS)
def test_crowds_are_asked_what_is_not_so_yet_and_are_always_the_same(task: str) -> None:
    texts = set()
    for seed in range(6):
        (blocks, pusher), text = crowded(task, seed)
        places = {name: np.array(pose[:2]) for name, pose in blocks.items()}
        goal = understand(text, places)
        assert isinstance(goal, ProgramGoal) and goal.reward(places, pusher) < 1.0
        where = np.array(list(places.values()))
        gaps = np.linalg.norm(where[:, None] - where[None], axis=-1) + np.eye(len(where))
        assert len(where) == 8 and gaps.min() >= GAP and (where >= LOW).all() and (where <= HIGH).all()
        assert crowded(task, seed) == ((blocks, pusher), text)
        texts.add(text)
    assert len(texts) > 1


def test_what_is_compared_of_what_is_learned_has_equal_clips() -> None:
    for first, second in PAIRS:
        if first.startswith("ours") and second != "ours 1/1/1":
            assert ARMS[first].clips == ARMS[second].clips


def test_boards_in_common_are_compared() -> None:
    def row(arm: str, seed: int, complete: bool, steps: int) -> dict[str, Any]:
        return {"task": "sort", "arm": arm, "seed": seed, "complete": complete, "control_steps": steps}

    rows = [row("a", 1, True, 100), row("a", 2, True, 150), row("b", 1, False, 300), row("b", 2, True, 160)]
    rows += [row("b", 3, False, 300)]
    found = against(rows, "sort", ("a", "b"))
    assert found is not None and found["boards"] == 2
    assert found["more_completed"]["mean"] == 0.5 and found["fewer_control_steps"]["mean"] == 105.0
    assert against(rows, "row", ("a", "b")) is None


def test_arms_run_and_the_measurement_goes_on_from_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arms = ("true 1/12/1", "true 2/12/1 horizon 2", "ours 1/1/1")
    options = AheadOptions(tasks=("sort",), arms=arms[:2], boards=1, first_seed=1_000_801)
    main(options)
    again = AheadOptions(tasks=("sort",), arms=arms, boards=1, first_seed=1_000_801, max_control_steps=20)
    main(again)
    rows = [json.loads(line) for line in options.log.read_text().splitlines()]
    assert [row["arm"] for row in rows] == list(arms)
    found = json.loads((tmp_path / "results/ahead.json").read_text())["tasks"]["sort"]
    assert found["arms"]["true 1/12/1"]["completed"]["share"] == float(rows[0]["complete"]) == 1.0
    assert found["differences"]["true 2/12/1 horizon 2 minus true 1/12/1"]["boards"] == 1
