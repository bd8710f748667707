"""Runner of one run at a time, in a thread, as `vlp run --approve ask` and `vlp resume` make it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Final

from executors.safety.faults import HoldError, one_line
from vlp.agent.parts import Parts
from vlp.agent.watcher import Watcher
from vlp.console.desk import Desk
from vlp.console.history import entry, find, latch_of
from vlp.durable.names import FILE, ROBOT
from vlp.durable.store import Store
from vlp.errors import HeldError, UsageError, VlpError
from vlp.session import words
from vlp.session.drive import rearm, stop
from vlp.session.open import begin, resume
from vlp.session.options import kept_run
from vlp.session.request import Options, RunRequest
from vlp.session.run import Conclude
from vlp.settings import Approve

LONG: Final = 30.0
"""Seconds to wait for a run to end where it is; a search of one decision takes a few."""


class Runner:
    """Begins, resumes and stops runs.

    Args:
        options: of every run; its rules hold whatever an operator adds.
        root: folder of the runs.
        desk: follows them.
    """

    def __init__(self, options: Options, root: Path, desk: Desk) -> None:
        self.options, self.root, self._desk = options, root, desk
        self._latch = latch_of(root)
        self._thread: threading.Thread | None = None
        self._one = threading.Lock()

    def begin(self, instruction: str, *, seed: int, rules: Sequence[str] = (), approve: Approve) -> None:
        """A new run on the board of a seed. Raises UsageError where it makes no sense, or another one is
        under way."""
        given = {option.name: getattr(self.options, option.name) for option in fields(Options)}
        given |= {"seed": seed, "rule": (*self.options.rule, *rules), "json": False, "out": None}
        asked = RunRequest(**given, instruction=instruction, approve=approve)
        words.check(asked)
        self._start("getting ready", lambda: begin(asked, self._follow, self.root))

    def resume(self, run: Path) -> None:
        """Go on with a run of the root. Raises UsageError where another one is under way, or where it was
        begun without one of the console's rules."""
        self._check_rules(run)
        self._start("getting ready to go on", lambda: resume(run, lambda _: self._follow))

    def _follow(self, parts: Parts, folder: Path) -> AbstractContextManager[Watcher]:
        self._desk.check_subgoal = parts.sight.check_subgoal
        return nullcontext(self._desk)

    def _check_rules(self, run: Path) -> None:
        if not (run / FILE).is_file():  # said where it is opened
            return
        with Store(run / FILE, fresh=False) as store:
            asked, _ = kept_run(store)
        if missing := [rule for rule in self.options.rule if rule not in asked.rule]:
            raise UsageError(
                f"run: expected one under the rules of this console, got one without {missing[0]!r}; "
                "begin it anew here, or go on with vlp resume"
            )

    def stop_one(self, run: Path, reason: str) -> None:
        """Stop the robot of a run of the root, whoever drives it. Raises HeldError where the action under way
        does not end."""
        stop(run / ROBOT, reason)

    def stop(self, reason: str) -> None:
        """Stop the robot at once, whether a run is under way or not: until `rearm` none moves it from here.
        Raises OSError where that can't be written; this process is stopped all the same."""
        try:
            self._latch.stop(reason)  # first: a run that begins meanwhile finds it, or is left below
        finally:
            self._desk.leave(f"stopped: {reason}")
            self._desk.touch("stopped")
            if (scene := self._desk.scene).busy and scene.run:
                stop(self.root / scene.run / ROBOT, reason)  # waits for the action under way
            self._desk.touch("history")

    def rearm(self, run: Path | None = None) -> None:
        """Let the robot move again, as a run of the root left it, else the newest one here."""
        run = run or find(self.root, self._desk.scene.run)
        if run is not None and (run / ROBOT).is_dir():
            rearm(run / ROBOT)
        self._latch.rearm()
        self._desk.touch("stopped", "history")

    def _check_armed(self) -> None:
        if reason := self._latch.stopped:
            raise UsageError(
                f"expected a robot that may move, got one that is stopped: {one_line(reason)}; see that it "
                "is safe, then press Arm the robot again"
            )

    def close(self) -> None:
        """Let the run that is under way end where it is."""
        self._desk.leave("the console was closed")
        if self._thread is not None:
            self._thread.join(LONG)

    def _start(self, words: str, work: Callable[[], Conclude]) -> None:
        with self._one:
            if self._thread is not None and self._thread.is_alive():
                raise UsageError(
                    "expected no run to be under way, got one; answer it, wait for its end, or stop it"
                )
            self._check_armed()
            self._desk.loading(words)
            try:
                self._check_armed()  # a stop from now on means this run
            except UsageError:
                self._desk.over("nothing is under way")
                raise
            self._thread = threading.Thread(target=self._work, args=(work,), name="run", daemon=True)
            self._thread.start()

    def _held(self) -> str:
        """What an operator can do with a run that is held, here rather than on the command line."""
        run = find(self.root, self._desk.scene.run)
        if run is None or not (found := entry(run)).resumable:
            return ""
        if stopped := self._latch.stopped or found.stopped:
            return f"the robot is stopped: {stopped}; arm it again, then go on below"
        return f"{found.reason}; go on below"

    def _work(self, work: Callable[[], Conclude]) -> None:
        try:
            work()()
        except HeldError as error:
            self._desk.over("nothing is under way", self._held() or str(error))
        except (VlpError, HoldError) as error:
            self._desk.over("nothing is under way", str(error))
        except Exception as error:
            self._desk.over("nothing is under way", f"the run broke off: {type(error).__name__}: {error}")
            warnings.warn(f"a run of the console broke off: {error!r}", RuntimeWarning, stacklevel=1)
        else:
            self._desk.over("nothing is under way")
