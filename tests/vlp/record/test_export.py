"""`vlp export`: a run as one recording, and what it is refused for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from planner import Search, search
from planner.fakes import BanditProposer, BanditValue, BanditVideo, number_frame
from vlp.agent.narrate import searched
from vlp.cli.main import main
from vlp.events.types import Acted, RunStarted, SubgoalStarted
from vlp.record.branch_sheet import branch_sheet, in_order
from vlp.record.decision import ActedSubgoal
from vlp.record.folder import RunFolder


def found() -> Search:
    models = (BanditProposer(), BanditVideo(length=4, noise=2), BanditValue())
    return search(*models, number_frame(0), "reach 100", beams=2, language_branches=3,
                  video_branches=2, horizon=2, seed=0)  # fmt: skip


def run_of(root: Path) -> Path:
    plan = found()
    clip = plan.plan[0].clip
    with RunFolder.create(root, "one") as run:
        run.record(RunStarted(time=0.0, instruction="reach 100", seed=0))
        run.record(searched(plan, time=1.0, decision=1, seconds=0.2))
        run.save_decision(1, plan, 0.2)
        run.record(SubgoalStarted(time=1.0, decision=1, step=1, subgoal="add 5"))
        for step in range(1, 13):
            number = run.add_frame(np.full((96, 128, 3), 8 * step, np.uint8))
            run.record(Acted(time=1.0, control_step=step, action=(0, 0), sent=(0, 0), frame_index=number))
        run.save_acted(ActedSubgoal(1, "add 5", clip, clip[:2], "go on"), 1)
        run.finish({"complete": True})
    return run.path


def test_camera_clips_tree_actions_and_steps_to_go_are_in_one_recording(tmp_path: Path) -> None:
    pytest.importorskip("rerun")
    file = tmp_path / "run.rrd"
    assert main(["export", str(run_of(tmp_path)), "--rerun", str(file)]) == 0
    content = file.read_bytes()
    for name in (b"camera", b"clips/imagined", b"clips/real", b"tree/graph", b"tree/clips/level_2",
                 b"actions/x/asked", b"actions/y/sent", b"steps_to_go", b"control_step"):  # fmt: skip
        assert name in content, name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "run.rrd"]


def test_what_is_there_is_kept_and_what_is_no_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.rrd"
    file.write_text("mine")
    assert main(["export", str(run_of(tmp_path)), "--rerun", str(file)]) == 5
    assert "expected a new file" in capsys.readouterr().err and file.read_text() == "mine"
    assert main(["export", str(tmp_path), "--rerun", str(tmp_path / "b.rrd")]) == 5
    assert "without events.jsonl" in capsys.readouterr().err and not (tmp_path / "b.rrd").exists()


def test_an_operator_s_sheet_has_a_row_a_branch() -> None:
    plan = found()
    nodes = in_order(plan)
    assert [node.id for node in nodes[: len(plan.plan)]] == [step.node_id for step in plan.plan]
    height, width, _ = plan.tree.root_frame.shape
    picture = branch_sheet(plan, nodes)
    assert picture.shape[0] == len(nodes) * (height + 2) - 2 and picture.shape[1] > 4 * width
