"""The folder a run leaves behind: result.json, events.jsonl, decisions/<kk>/, execution.mp4, film.mp4,
report.html.

Everything is written as it happens, so that a run that is broken off can be read up to there.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, cast

import numpy as np

from executors.safety.files import replace_file, sync_folder
from planner import Frames, NoPlan, Search
from tasks.data.video_file import VideoWriter
from tasks.domain import CONTROL_HZ
from tasks.signals import held
from vlp.durable.event_log import NAME, EventLog
from vlp.errors import StateError
from vlp.events.types import Event, RunStarted, read_events
from vlp.record.decision import ActedSubgoal, Decision, drop_unknown, load_decision, save_acted, save_decision
from vlp.record.film import Film, View
from vlp.record.report.page import write_report

FPS: Final = CONTROL_HZ
SCALE: Final = 2  # the execution is shown larger than it was seen


class RunFolderError(Exception):
    """A run folder cannot be made: says what was expected, what was got, what to do."""


class Mark(NamedTuple):
    """What of a run lasts through a power cut."""

    events: int = 0
    """Bytes of events.jsonl."""
    digest: str = ""
    """Of those, hexadecimal."""
    files: tuple[Path, ...] = ()
    """That were written since the mark before."""


class RunFolder:
    """Records one run. A context manager: however the block is left, the video is closed and a report stands.

    `record` is a subscriber of `vlp.events.types.Events`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log = EventLog(path / NAME)
        self._video = _Execution(path / "execution.mp4")
        self._film = Film(path / "film.mp4")
        self._written: list[Path] = []
        self._begun = True
        """Whether there is anything to be completed: not where a run could not be gone on with."""
        self._finished = False
        self._asked: dict[str, object] = {}

    @classmethod
    def create(cls, root: Path, name: str | None = None) -> RunFolder:
        """The folder root/name, which must be empty or not be there; without a name, a `new` one.

        Raises RunFolderError where it is in use, or cannot be written.
        """
        if name is None:
            return cls.new(root)
        if not is_name(name):
            raise RunFolderError(
                f"run folder: expected a plain name, got {name!r:.80}; use letters, digits and spaces"
            )
        with _written(path := root / name):
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise _in_use(path)
            return cls._claim(path)

    @classmethod
    def new(cls, root: Path, name: str | None = None) -> RunFolder:
        """A folder of its own in root, whoever else makes one at the same time: root/name, which else is the
        time of day, or with a number behind it. Raises RunFolderError where it cannot be written."""
        first = root / (name or time.strftime("%Y%m%d-%H%M%S"))
        with _written(first):
            root.mkdir(parents=True, exist_ok=True)
            for number in itertools.count(1):
                path = first if number == 1 else first.with_name(f"{first.name}-{number}")
                with contextlib.suppress(FileExistsError):  # made, not looked for: two may look at once
                    path.mkdir()
                    return cls._claim(path)
        raise AssertionError("expected numbers without end")

    @classmethod
    def _claim(cls, path: Path) -> RunFolder:
        """Of all who see it empty, one begins its events. Raises RunFolderError for the others."""
        try:
            (path / NAME).touch(exist_ok=False)
        except FileExistsError:
            raise _in_use(path) from None
        folder = cls(path)
        for made in (path, *path.parents[:2]):
            sync_folder(made)
        return folder

    @classmethod
    def reopen(cls, path: Path) -> RunFolder:
        """The folder of a run that was broken off. Raises RunFolderError."""
        try:
            if not (path / NAME).is_file():
                raise RunFolderError(
                    f"run folder: expected one of vlp run, got {path} without its events; name such a one"
                )
            folder = cls(path)
        except OSError as error:
            raise RunFolderError(
                f"run folder: expected a place to write, got {path}: {error.strerror}; make it writable"
            ) from error
        folder._begun = False
        return folder

    def go_on(self, mark: Mark, known: Set[str], frames: Iterable[Frames]) -> None:
        """Cut events off that will happen again, and decisions that are not among the `known` files (by their
        names in this folder), and begin the video anew with the `frames` uint8 [H, W, 3] of the control steps
        before. Raises StateError where the events are not those of the mark, or fewer."""
        self._log.cut(mark.events, mark.digest)
        self._begun = True
        prefix = "decisions/"
        drop_unknown(
            self.path / "decisions", {name.removeprefix(prefix) for name in known if name.startswith(prefix)}
        )
        self._asked = _asked(next(iter(read_events(self.path / NAME)), None))
        for frame in frames:
            self.add_frame(frame)

    def record(self, event: Event) -> None:
        """Append it to events.jsonl, where it stands at once."""
        if isinstance(event, RunStarted):
            self._asked = _asked(event)
        self._log.write(event)

    def decision_path(self, number: int) -> Path:
        return self.path / "decisions" / f"{number:02d}"

    def save_decision(self, number: int, found: Search | NoPlan, seconds: float) -> None:
        """Decision `number` (from 1), found in `seconds`: its tree with every clip."""
        self._written += save_decision(self.decision_path(number), number, found, seconds)
        sync_folder(self.path)

    def save_acted(self, acted: ActedSubgoal, number: int) -> None:
        """What was imagined beside what was seen in step `number` (from 1) of a plan; its decision must be
        saved before."""
        self._written += save_acted(self.decision_path(acted.decision), acted, number)

    def decision(self, number: int) -> Decision:
        """A saved decision. Raises ValueError."""
        return load_decision(self.decision_path(number))

    def search(self, number: int) -> Search:
        """A saved decision that has a plan, as the search gave it. Raises ValueError."""
        kept = self.decision(number)
        if kept.plan is None:
            raise ValueError(f"expected a decision with a plan, got {number} without one; choose another")
        return Search(kept.plan, kept.tree, cast(Any, kept.stopped), kept.expected_success)

    @property
    def position(self) -> int:
        """Bytes of events.jsonl so far."""
        return self._log.position

    def mark(self) -> Mark:
        """All that was recorded so far lasts through a power cut now; raises StateError where it can't."""
        files, self._written = tuple(self._written), []
        return Mark(*self._log.mark(), files)

    def add_frame(self, rgb: Frames, view: View | None = None) -> int:
        """Append uint8 [H, W, 3], one a control step, to execution.mp4; its index there, from 0. `view`: who
        draws the same scene larger, for film.mp4."""
        self._film.add(rgb, view)
        return self._video.add(rgb)

    def _close(self) -> None:
        self._log.close()
        try:
            self._video.close()
        finally:
            self._film.close()

    def finish(self, result: Mapping[str, object]) -> None:
        """Close the video, write report.html and result.json ("status" is "finished" if it names none). The
        result comes last: who finds one finds all of it. No signal breaks this off.

        The report shows these keys where they are there: complete, score, control_steps, decisions, seconds,
        reason, models {part: {name, sha256, ...}}, seconds_by_part {part: seconds, see report.story}.
        """
        with held():
            try:
                self._close()
            finally:
                self._conclude({"status": "finished", **result})

    def _conclude(self, result: Mapping[str, object]) -> None:
        text = json.dumps(result, indent=1, ensure_ascii=False)
        try:
            write_report(self.path, result)
        finally:
            replace_file(self.path / "result.json", text)
            self._finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._finished:
            return
        if isinstance(error, StateError) or not self._begun:  # it was refused: what it left is as it was
            self._close()
            return
        try:
            self.finish({**self._asked, **_unfinished(error)})
        except Exception as second:
            if error is None:
                raise
            error.add_note(f"the run folder {self.path} could not be completed: {second}")


class _Execution:
    """Streams frames into a video, a second at a time: each write begins with a costly key frame."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: VideoWriter | None = None
        self._waiting: list[Frames] = []
        self._count = 0

    def add(self, rgb: Frames) -> int:
        if self._writer is None:
            height, width, _ = rgb.shape
            self._writer = VideoWriter(self._path, height=height * SCALE, width=width * SCALE, fps=FPS)
        self._waiting.append(rgb.repeat(SCALE, axis=0).repeat(SCALE, axis=1))
        if len(self._waiting) == FPS:
            self._flush(self._writer)
        self._count += 1
        return self._count - 1

    def close(self) -> None:
        if self._writer is None:
            return
        try:
            self._flush(self._writer)
        finally:
            self._writer.close()

    def _flush(self, writer: VideoWriter) -> None:
        frames, self._waiting = self._waiting, []
        if frames:
            writer.write(np.stack(frames))


def _unfinished(error: BaseException | None) -> dict[str, object]:
    """The result of a run that was left before it gave one."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return {"status": "interrupted", "complete": False, "reason": "interrupted"}
    reason = "no result was given" if error is None else f"{type(error).__name__}: {error}"
    return {"status": "failed", "complete": False, "reason": reason}


def _asked(event: Event | None) -> dict[str, object]:
    """What a run was asked for, of its first event."""
    if not isinstance(event, RunStarted):
        return {}
    return {"instruction": event.instruction, "task": event.task, "seed": event.seed}


def is_name(text: str) -> bool:
    """Whether a run can be called so: a name of a file that can be shown, and not a hidden one."""
    return text.isprintable() and text.strip() == text and text[:1] not in ("", ".") and "/" not in text


def _in_use(path: Path) -> RunFolderError:
    return RunFolderError(
        f"run folder: expected a new or empty folder, got {path} with files in it; "
        "choose another name or move it away"
    )


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"run folder: expected a place to write, got {path}: {error.strerror}; choose another folder"
        ) from error
