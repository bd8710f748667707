"""What a saved plan says and shows: compared like with like, and as fast as it would be acted on."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from planner import Frames, Node, Plan, PlanStep, Search, Tree
from video.tabletop.clips import STRIDE
from vlp.console.pictures import film
from vlp.errors import UsageError
from vlp.record.decision import load_decision, save_decision
from vlp.record.folder import RunFolder
from vlp.record.plan import SavedPlan, why

CLIP = 4
ROOT: Frames = np.zeros((96, 128, 3), np.uint8)


def node(number: int, parent: int | None, steps: float, rejected: str | None = None) -> Node:
    clip = np.full((CLIP, 96, 128, 3), 20 * number + 20, np.uint8)
    depth = 1 if parent is None else 2
    return Node(number, parent, depth, f"push {number}", 0.5, 0, clip, clip[-1], steps, 1.0, True, rejected)


NODES = (
    node(0, None, 180.0),
    node(1, None, 150.0),
    node(2, None, 200.0),
    node(3, None, 90.0, "the red moon jumps"),
    node(4, 0, 60.0),
    node(5, 0, 100.0),
    node(6, 1, 120.0),
    node(7, 1, 70.0, "a block vanishes"),
)


def saved(*chosen: int) -> SavedPlan:
    tree = Tree("tidy up", ROOT, 300.0, 1.0, NODES)
    steps = []
    for number in chosen:
        one = NODES[number]
        assert one.clip is not None
        steps.append(PlanStep(one.subgoal, one.clip, one.steps_to_go, one.spread, one.id))
    return SavedPlan(Path("run"), 1, "0" * 64, Plan(tuple(steps)), tree)


@pytest.mark.parametrize(
    ("chosen", "other", "numbers", "words"),
    [
        # One push of the other beside one push of the plan, and then what either came to.
        ((0, 4), 1, (180, 150), "after 1 push the plan (push 0) leaves 180 control steps; after 1 push "
         "the other (push 1) leaves 150 control steps; after 2 pushes the plan leaves 60 control steps, and "
         "what goes on from the other 120 control steps at best"),
        ((0, 4), 2, (180, 200), "the other was not followed further"),
        ((0, 4), 6, (60, 120), "after 2 pushes the plan (push 0; push 4) leaves 60 control steps; after "
         "2 pushes the other (push 1; push 6) leaves 120 control steps"),
        ((0, 4), 5, (60, 100), "(push 0; push 5) leaves 100"),
        # The branch is the plan's own.
        ((0, 4), 0, (180, 180), "the branch (push 0) is part of the plan: its push 1 of 2, which leaves 180 "
         "control steps; the plan goes on (push 4) to 60 control steps"),
        ((0, 4), 4, (60, 60), "is part of the plan: its push 2 of 2, which leaves 60 control steps"),
        # A plan of one push.
        ((1,), 6, (150, 120), "the other goes on from its end (push 6) and leaves 120 control steps"),
        ((1,), 4, (150, 180), "the other (push 0) leaves 180 control steps, and 60 control steps after 2"),
        # Rejected, itself or what it grows from.
        ((0, 4), 3, (180, 90), "after 1 push the plan (push 0) leaves 180 control steps; the other (push 3) "
         "was rejected: the red moon jumps"),
        ((0, 4), 7, (60, 70), "(push 1; push 7) was rejected: a block vanishes"),
    ],
)  # fmt: skip
def test_a_branch_is_compared_after_as_many_pushes(
    chosen: tuple[int, ...], other: int, numbers: tuple[float, float], words: str
) -> None:
    told = why(saved(*chosen), other)
    assert told.steps_to_go == numbers and words in told.words
    assert told.rejected == NODES[other].rejected
    rows = len(chosen) + NODES[other].depth
    assert told.picture.shape[0] == 98 * rows - 2


def test_a_branch_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="expected 0 to 7, got 8"):
        why(saved(0), 8)


# -- films -----------------------------------------------------------------------------------------


def times(content: bytes) -> tuple[list[float], float]:
    """Seconds at which each frame is shown, and how long all of it is."""
    with av.open(io.BytesIO(content), "r") as container:
        shown = [float(frame.time or 0.0) for frame in container.decode(video=0)]
        assert container.duration is not None
        return shown, container.duration / av.time_base


def by_sdk(plan: SavedPlan, folder: Path) -> bytes:
    return plan.video()


def by_console(plan: SavedPlan, folder: Path) -> bytes:
    save_decision(folder / "01", 1, Search(plan.plan, plan.tree, "horizon"), 1.0)
    return film(load_decision(folder / "01")) or b""


@pytest.mark.parametrize("made", [by_sdk, by_console])
@pytest.mark.parametrize("chosen", [(1,), (0, 4)])
def test_a_plan_s_film_runs_as_fast_as_it_would_be_acted_on(
    made: Callable[[SavedPlan, Path], bytes], chosen: tuple[int, ...], tmp_path: Path
) -> None:
    shown, whole = times(made(saved(*chosen), tmp_path))
    frames = 1 + CLIP * len(chosen)
    assert shown == pytest.approx([0.1 * STRIDE * i for i in range(frames)], abs=1e-3)
    assert whole == pytest.approx(0.1 * STRIDE * frames, abs=2e-3)


def test_the_film_of_a_run_shows_a_control_step_in_its_tenth_of_a_second(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "run") as folder:
        for step in range(23):
            folder.add_frame(np.full_like(ROOT, 10 * step))
        folder.finish({})
    shown, whole = times((folder.path / "execution.mp4").read_bytes())
    assert shown == pytest.approx([0.1 * i for i in range(23)], abs=1e-3)
    assert whole == pytest.approx(2.3, abs=2e-3)
