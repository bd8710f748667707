"""The run folder: what it writes, that it can be read back, and what is left of a run that is broken off."""

from __future__ import annotations

import json
import math
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from planner import Frames, NoPlan, Search, search
from planner.fakes import BanditProposer, BanditValue, BanditVideo, number_frame
from tasks.data.video_file import read_video
from vlp.agent.narrate import searched
from vlp.events.types import Acted, Event, Events, Observed, RunStarted, Stopped, read_events
from vlp.record.decision import ActedSubgoal, load_acted, load_decision, save_acted, save_decision
from vlp.record.filmstrip import scaled, sheet, strip, unstrip
from vlp.record.folder import RunFolder, RunFolderError

STARTED = RunStarted(time=0.0, instruction="reach 100", seed=0, settings={"beams": 2})


def found(**settings: Any) -> Search:
    sizes = {"beams": 2, "language_branches": 3, "video_branches": 2, "horizon": 3, "seed": 0} | settings
    models = (BanditProposer(), BanditVideo(length=4, noise=2), BanditValue())
    return search(*models, number_frame(0), "reach 100", **sizes)


def moving_square(count: int) -> Frames:
    frames = np.full((count, 48, 64, 3), 230, dtype=np.uint8)
    for number, frame in enumerate(frames):
        frame[20:30, 2 * number : 2 * number + 10] = (200, 40, 40)
    return frames


def result_of(run: RunFolder) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((run.path / "result.json").read_text())
    return record


def test_a_whole_run(tmp_path: Path) -> None:
    events = Events()
    with RunFolder.create(tmp_path, "one") as run:
        events.subscribe(run.record)
        events.emit(STARTED)
        plan = found()
        events.emit(searched(plan, time=events.now(), decision=1, seconds=0.5))
        run.save_decision(1, plan, 0.5)
        indices = [run.add_frame(frame) for frame in moving_square(23)]
        clip = plan.plan[0].clip
        run.save_acted(ActedSubgoal(1, plan.plan[0].subgoal, clip, clip[:2], "done"), 1)
        run.finish({"complete": True, "score": 1.0})
    assert indices == list(range(23))
    assert result_of(run) == {"status": "finished", "complete": True, "score": 1.0}
    assert [event.kind for event in read_events(run.path / "events.jsonl")] == ["run_started", "searched"]
    assert "reach 100" in (run.path / "report.html").read_text(encoding="utf-8")
    assert not list(run.path.glob("*.tmp"))


def test_the_video_is_the_frames_twice_as_large(tmp_path: Path) -> None:
    frames = moving_square(23)
    with RunFolder.create(tmp_path, "one") as run:
        for frame in frames:
            run.add_frame(frame)
        run.finish({})
    shown = read_video(run.path / "execution.mp4")
    assert shown.shape == (23, 96, 128, 3)
    wanted = frames.repeat(2, axis=1).repeat(2, axis=2).astype(int)
    assert np.abs(shown.astype(int) - wanted).mean() < 4


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "interrupted"), (RuntimeError("robot lost"), "failed")]
)
def test_a_run_broken_off_can_be_read(tmp_path: Path, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), RunFolder.create(tmp_path, "one") as run:
        run.record(STARTED)
        run.save_decision(1, found(), 0.1)
        for frame in moving_square(13):
            run.add_frame(frame)
        raise error
    assert result_of(run)["status"] == status
    assert len(read_video(run.path / "execution.mp4")) == 13
    assert status in (run.path / "report.html").read_text(encoding="utf-8")
    if status == "failed":
        assert result_of(run)["reason"] == "RuntimeError: robot lost"


def test_an_error_is_not_hidden_by_a_report_that_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="robot lost") as caught, RunFolder.create(tmp_path, "one") as run:
        run.record(STARTED)
        (run.path / "report.html").mkdir()
        raise RuntimeError("robot lost")
    assert "could not be completed" in caught.value.__notes__[0]
    assert result_of(run)["status"] == "failed"


def test_leaving_without_a_result_is_a_failure(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "one") as run:
        pass
    assert result_of(run) == {"status": "failed", "complete": False, "reason": "no result was given"}


def test_events_are_on_disk_at_once_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "one") as run:
        file = run.path / "events.jsonl"
        run.record(STARTED)
        assert read_events(file) == [STARTED]
        run.finish({})
    with file.open("a") as torn:
        torn.write('{"time": 1.0, "kind": "obser')
    assert read_events(file) == [STARTED]
    file.write_text("nonsense\n" + STARTED.model_dump_json() + "\n")
    with pytest.raises(ValueError, match="line 1: expected an event"):
        read_events(file)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(RunFolderError, match="expected a new or empty folder"):
        RunFolder.create(tmp_path, "full")
    with pytest.raises(RunFolderError, match="expected a place to write"):
        RunFolder.create(tmp_path / "full" / "file", "one")
    for name in ("../one", "a/b", "..", ".", "", "/tmp"):
        with pytest.raises(RunFolderError, match="expected a plain name"):
            RunFolder.create(tmp_path, name)


def test_runs_begun_at_once_have_a_folder_each(tmp_path: Path) -> None:
    together = Barrier(8)

    def begin(_: int) -> Path:
        together.wait()
        run = RunFolder.create(tmp_path)
        run.finish({})
        return run.path

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(begin, range(8)))) == 8


@pytest.mark.parametrize("name", ["my run", "Lauf für Anna (2)", "a#b?c%20"])
def test_a_name_may_have_spaces(tmp_path: Path, name: str) -> None:
    with RunFolder.create(tmp_path, name) as run:
        assert run.path == tmp_path / name


def test_runs_without_a_name_do_not_meet(tmp_path: Path) -> None:
    paths = set()
    for _ in range(3):
        with RunFolder.create(tmp_path) as run:
            paths.add(run.path)
    assert len(paths) == 3


def test_a_tree_comes_back_as_it_was(tmp_path: Path) -> None:
    before = found(beams=4, language_branches=3, video_branches=8, horizon=2)  # more than one sheet
    nodes = list(before.tree.nodes)
    nodes[1] = replace(nodes[1], rejected="steps-to-go is not finite", steps_to_go=math.nan)
    nodes[2] = replace(nodes[2], clip=None)
    before = replace(before, tree=replace(before.tree, nodes=tuple(nodes)))
    save_decision(tmp_path / "01", 1, before, 2.5)
    after = load_decision(tmp_path / "01")
    assert len(list((tmp_path / "01").glob("clips_*.png"))) == 2
    assert (after.number, after.seconds, after.stopped) == (1, 2.5, before.stopped)
    assert after.plan is not None and after.plan.subgoals == before.plan.subgoals
    assert np.array_equal(after.tree.root_frame, before.tree.root_frame)
    assert math.isnan(after.tree.nodes[1].steps_to_go) and after.tree.nodes[2].clip is None
    for old, new in zip(before.tree.nodes, after.tree.nodes, strict=True):
        for name in ("id", "parent", "depth", "subgoal", "probability", "seed", "spread", "kept", "rejected"):
            assert getattr(old, name) == getattr(new, name), name
        if old.clip is not None and new.clip is not None:
            assert np.array_equal(old.clip, new.clip) and np.array_equal(old.last_frame, new.last_frame)


def test_a_search_without_a_plan_is_saved_too(tmp_path: Path) -> None:
    with pytest.raises(NoPlan) as caught:
        found(max_value_gain=-1000.0)
    save_decision(tmp_path / "01", 1, caught.value, 0.1)
    after = load_decision(tmp_path / "01")
    assert after.plan is None and after.stopped == "no plan" and len(after.tree.nodes) == 6
    event = searched(caught.value, time=0.0, decision=1, seconds=0.1)
    assert event.subgoals == () and sum(event.rejected.values()) == 6


def test_no_decision_to_load(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a saved decision"):
        load_decision(tmp_path)


def test_acted_subgoals_come_back_in_order(tmp_path: Path) -> None:
    frames = moving_square(8)
    for number, count in enumerate((8, 3, 0), 1):
        save_acted(tmp_path, ActedSubgoal(1, f"push {count}", frames, frames[:count] // 2, "go on"), number)
    back = load_acted(tmp_path)
    assert [(item.subgoal, len(item.real)) for item in back] == [("push 8", 8), ("push 3", 3), ("push 0", 0)]
    assert np.array_equal(back[1].imagined, frames) and np.array_equal(back[1].real, frames[:3] // 2)
    with pytest.raises(ValueError, match="resize them"):
        ActedSubgoal(1, "push", frames, frames[:, :10], "done")


def test_a_failing_subscriber_warns_once_and_stops_nobody() -> None:
    seen: list[Event] = []

    def broken(event: Event) -> None:
        raise OSError("disk full")

    events = Events()
    events.subscribe(broken)
    events.subscribe(seen.append)
    with pytest.warns(RuntimeWarning, match="disk full"):
        events.emit(STARTED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        events.emit(STARTED)
    assert seen == [STARTED, STARTED]


def test_events_come_back_as_they_were(tmp_path: Path) -> None:
    before: list[Event] = [
        STARTED,
        Observed(time=0.1, control_step=0, score=None),
        searched(found(), time=1.0, decision=1, seconds=0.9),
        Acted(time=1.1, control_step=1, action=(0.1, 0.0), sent=(0.05, 0.0), frame_index=0),
        Stopped(time=1.2, reason="time is up", complete=False, control_steps=1),
    ]
    with RunFolder.create(tmp_path, "one") as run:
        for event in before:
            run.record(event)
        run.finish({})
    assert read_events(run.path / "events.jsonl") == before


def test_strips_and_sheets() -> None:
    frames = moving_square(4)
    assert strip(frames, gap=2).shape == (48, 4 * 64 + 3 * 2, 3)
    assert (strip(frames, gap=2)[:, 64:66] == 255).all()
    assert np.array_equal(unstrip(strip(frames), 4), frames)
    assert sheet([strip(frames), strip(frames[:2])], gap=3).shape == (48 * 2 + 3, 256, 3)
    assert scaled(frames, 24).shape == (4, 24, 32, 3) and scaled(frames, 200) is frames
    with pytest.raises(ValueError, match="expected a width that 3 frames divide"):
        unstrip(strip(frames), 3)
