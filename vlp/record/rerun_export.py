"""Rerun export: a run's camera, clips, tree, actions and steps-to-go on one timeline for the viewer.

The timeline is the robot's: 10 control steps a second, on which thinking takes no time. What a decision
imagined stands at the control steps at which it was to happen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import rerun as rr
import rerun.blueprint as views

from planner import Frames, Tree
from tasks.data.video_file import read_video
from tasks.domain import CLIP_STRIDE
from vlp.events.types import Acted, Event, Observed, Replanned, RunStarted, Searched, SubgoalStarted, Verified
from vlp.events.words import line
from vlp.record.decision import Decision, load_acted, load_decision
from vlp.record.filmstrip import scaled, sheet, strip

SECONDS: Final = 0.1
"""Of a control step."""
STEP_LINE: Final = "control_step"
TIME_LINE: Final = "run_time"
ROW: Final = 48
"""Pixels of a frame of a branch."""


def export(run: Path, events: Sequence[Event], file: Path) -> None:
    """Write the recording of a run folder. Raises ValueError for decisions that can't be read, VideoFileError
    for such a film, OSError for a file that can't be written."""
    started = next((event for event in events if isinstance(event, RunStarted)), None)
    with rr.RecordingStream("video-language-planner", recording_id=run.absolute().name) as recording:
        recording.save(file, default_blueprint=_layout())
        if started is not None:
            recording.log("instruction", rr.TextDocument(started.instruction), static=True)
        writer = _Writer(recording)
        writer.camera(run / "execution.mp4", events)
        decided = writer.events(events)
        for number, (step, subgoals) in decided.items():
            folder = run / "decisions" / f"{number:02d}"
            if (folder / "tree.json").is_file():
                writer.decision(load_decision(folder), step, subgoals)
                for subgoal, acted in zip(subgoals, load_acted(folder), strict=False):
                    writer.frames("clips/real", acted.real, subgoal)
        recording.flush()


class _Writer:
    """Logs one part of a run after the other, each at its control steps."""

    def __init__(self, recording: rr.RecordingStream) -> None:
        self._recording = recording

    def at(self, step: int) -> None:
        """What follows stands at this control step."""
        self._recording.set_time(STEP_LINE, sequence=step)
        self._recording.set_time(TIME_LINE, duration=step * SECONDS)

    def camera(self, film: Path, events: Sequence[Event]) -> None:
        """Each picture after the control step that it was seen after."""
        if not film.is_file() or not film.stat().st_size:
            return
        pictures = read_video(film)
        for event in events:
            if (
                isinstance(event, Acted)
                and event.frame_index is not None
                and event.frame_index < len(pictures)
            ):
                self.at(event.control_step)
                self._picture("camera", pictures[event.frame_index])

    def events(self, events: Sequence[Event]) -> dict[int, tuple[int, list[int]]]:
        """Actions, curves and words; for each decision the control step at which it was made, and those at
        which the subgoals of its plan were begun."""
        step, decided = 0, dict[int, tuple[int, list[int]]]()
        for event in events:
            if isinstance(event, Acted | Observed):
                step = max(step, event.control_step)
            self.at(step)
            self._numbers(event)
            if words := line(event):
                level = rr.TextLogLevel.WARN if isinstance(event, Replanned) else rr.TextLogLevel.INFO
                self._recording.log("log", rr.TextLog(words, level=level))
            if isinstance(event, Searched):
                decided[event.decision] = (step, [])
            if isinstance(event, SubgoalStarted) and event.decision in decided:
                decided[event.decision][1].append(step)
        return decided

    def _numbers(self, event: Event) -> None:
        match event:
            case Acted():
                for axis, asked, sent in zip("xy", event.action, event.sent, strict=True):
                    self._recording.log(f"actions/{axis}/asked", rr.Scalars(asked))
                    self._recording.log(f"actions/{axis}/sent", rr.Scalars(sent))
            case Searched():
                self._scalar("steps_to_go", event.root_steps_to_go)
            case Verified():
                self._scalar("steps_to_go", event.steps_to_go)
            case Observed():
                self._scalar("score", event.score)

    def _scalar(self, name: str, value: float | None) -> None:
        if value is not None:
            self._recording.log(name, rr.Scalars(value))

    def decision(self, decision: Decision, step: int, begun: Sequence[int]) -> None:
        """The tree where it was searched, the plan's clips where they were, or would have been, acted."""
        self.at(step)
        self._recording.log("tree/graph", *_graph(decision))
        self._recording.log("tree/table", rr.TextDocument(_table(decision), media_type="text/markdown"))
        for depth in sorted({node.depth for node in decision.tree.nodes}):
            self._picture(f"tree/clips/level_{depth}", _films(decision.tree, depth))
        start = step
        for number, one in enumerate(decision.plan or ()):
            start = begun[number] if number < len(begun) else start
            self.frames("clips/imagined", one.clip, start)
            start += CLIP_STRIDE * len(one.clip)

    def frames(self, name: str, clip: Frames, start: int) -> None:
        """A clip uint8 [T, H, W, 3] that follows what was seen at a control step."""
        for number, frame in enumerate(clip, start=1):
            self.at(start + CLIP_STRIDE * number)
            self._picture(name, frame)

    def _picture(self, name: str, picture: Frames) -> None:
        self._recording.log(name, rr.Image(picture).compress(jpeg_quality=88))


def _graph(decision: Decision) -> tuple[rr.GraphNodes, rr.GraphEdges]:
    """The board as the root, branches below it."""
    nodes = decision.tree.nodes
    chosen = {step.node_id for step in decision.plan or ()}
    colors = [(120, 120, 120), *(_color(node.id in chosen, node.kept, node.rejected) for node in nodes)]
    labels = ["the board", *(f"{node.id}: {node.subgoal} ({_steps(node.steps_to_go)})" for node in nodes)]
    names = ["board", *(str(node.id) for node in nodes)]
    edges = [("board" if node.parent is None else str(node.parent), str(node.id)) for node in nodes]
    return rr.GraphNodes(names, labels=labels, colors=colors), rr.GraphEdges(edges, graph_type="directed")


def _color(chosen: bool, kept: bool, rejected: str | None) -> tuple[int, int, int]:
    if chosen:
        return (46, 107, 230)
    return (190, 60, 40) if rejected else (40, 150, 80) if kept else (150, 150, 150)


def _table(decision: Decision) -> str:
    chosen = {step.node_id for step in decision.plan or ()}
    rows = [
        f"# decision {decision.number}",
        "",
        "| branch | after | subgoal | steps to go | state |",
        "|---|---|---|---|---|",
    ]
    for node in decision.tree.nodes:
        state = "in the plan" if node.id in chosen else node.rejected or ("kept" if node.kept else "dropped")
        after = "the board" if node.parent is None else node.parent
        cells: Mapping[str, object] = {"subgoal": node.subgoal, "state": state}
        subgoal, said = (str(cell).replace("|", "\\|") for cell in cells.values())
        rows.append(f"| {node.id} | {after} | {subgoal} | {_steps(node.steps_to_go)} | {said} |")
    return "\n".join(rows)


def _steps(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else "?"


def _films(tree: Tree, depth: int) -> Frames:
    """The clips of a level below each other, a row a branch."""
    clips = [node.last_frame[None] if node.clip is None else node.clip for node in tree.level(depth)]
    return np.ascontiguousarray(sheet([strip(scaled(clip, ROW), gap=2) for clip in clips], gap=2))


def _layout() -> views.Blueprint:
    """Pictures above, the tree beside them, curves below."""
    pictures = views.Horizontal(
        views.Spatial2DView(origin="camera", name="camera"),
        views.Spatial2DView(origin="clips/imagined", name="imagined"),
        views.Spatial2DView(origin="clips/real", name="real at the same times"),
    )
    tree = views.Tabs(
        views.GraphView(origin="tree/graph", name="tree"),
        views.Spatial2DView(origin="tree/clips/level_1", name="branches of level 1"),
        views.TextDocumentView(origin="tree/table", name="table"),
    )
    curves = views.Horizontal(
        views.TimeSeriesView(origin="actions", name="actions (m)"),
        views.TimeSeriesView(origin="steps_to_go", name="steps to go"),
        views.TextLogView(origin="log", name="what happened"),
    )
    return views.Blueprint(
        views.Vertical(pictures, tree, curves),
        views.TimePanel(timeline=TIME_LINE, state="collapsed"),
    )
