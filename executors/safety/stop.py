"""Latched stop: it wins every race and outlives restarts, until someone re-arms."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from executors.safety.faults import BusyError, StoppedError, one_line
from executors.safety.files import Busy, file_lock, replace_file, sweep, sync_folder

NO_REASON: Final = "no reason was given"
_stopped_here: Final[dict[Path, str]] = {}
"""Folder -> reason, of stops that are not (yet) on the disk. They hold this process only."""


class StopLatch:
    """The stop of one robot; every process that drives it names the same folder, on a local disk.

    A latch file that can't be read counts as stopped, and so does a folder that is gone.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self._path = self._folder / "stopped.json"
        self._lock = file_lock(self._folder / "stop.lock")

    def stop(self, reason: str, *, wait: float | None = None) -> None:
        """Latch a stop, from any thread, process or signal handler.

        When it returns, the action under way has ended and none is sent after it; only when a handler or the
        robot itself calls it from within an action, that one goes on. The first reason stays.
        Raises BusyError when the action under way has not ended after `wait` seconds (else ten): the stop is
        latched, and no other is sent. Raises OSError when the latch can't be written; this process is stopped
        all the same.
        """
        words = one_line(reason) or NO_REASON
        # First without the lock: who asks next is stopped, even while an action hangs and holds the lock.
        _stopped_here[self._folder] = words
        with suppress(OSError):
            self._latch(words)
        try:
            with self._lock.held(wait):
                self._latch(words)  # someone may have re-armed in between
        except Busy as error:
            self.announce(words)
            raise BusyError(
                f"expected the action under way to end, got none of that ({one_line(error)}); "
                "no other action is sent, but that one may still move the robot: "
                "cut its power, then see to that process"
            ) from error
        except OSError as error:
            raise self._unwritten(words, error) from error
        _stopped_here.pop(self._folder, None)

    def announce(self, reason: str) -> None:
        """Latch a stop at once: no action is begun any more. Does not wait for the one under way, as `stop`
        does. Raises OSError as `stop` does."""
        words = one_line(reason) or NO_REASON
        _stopped_here[self._folder] = words
        try:
            self._latch(words)
        except OSError as error:
            raise self._unwritten(words, error) from error
        _stopped_here.pop(self._folder, None)

    def _unwritten(self, words: str, error: OSError) -> OSError:
        """This process is stopped all the same; what to say."""
        _stopped_here[self._folder] = words
        with suppress(OSError):
            self._path.touch()  # on a full disk a name may still find room, and an empty latch stops
        return OSError(
            f"expected to write a stop to {self._path}, got {one_line(error)}; this process is stopped, "
            "others or a restart may not be: cut the robot's power, then see to the disk"
        )

    def _latch(self, words: str) -> None:
        if os.path.lexists(self._path):
            sync_folder(self._folder)
        else:
            replace_file(self._path, json.dumps({"reason": words, "time": time.time(), "pid": os.getpid()}))

    def rearm(self) -> None:
        """Let actions through again. A stop that comes at the same time wins.

        Raises BusyError while an action does not end, and OSError when the latch can't be removed; it stays
        stopped then.
        """
        with self._locked():
            self._path.unlink(missing_ok=True)
            sync_folder(self._folder)
            sweep(self._path)
            _stopped_here.pop(self._folder, None)

    @property
    def stopped(self) -> str | None:
        """The reason of the stop, or None."""
        return _stopped_here.get(self._folder) or self._on_disk()

    def _on_disk(self) -> str | None:
        try:
            return str(json.loads(self._path.read_text(encoding="utf-8"))["reason"]) or NO_REASON
        except FileNotFoundError:
            return None if self._folder.is_dir() else f"the latch's folder {self._folder} is gone"
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            return f"the latch {self._path} can't be read ({type(error).__name__}), which counts as a stop"

    def check(self) -> None:
        """Raises StoppedError when a stop is latched."""
        reason = self.stopped
        if reason is not None:
            raise StoppedError(
                f"expected a robot that may move, got a stop: {one_line(reason)}; nothing was sent; "
                "see that it is safe, then re-arm"
            )

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Around the sending of one action: `stop` waits for its end.

        Raises StoppedError when a stop is latched or nobody can tell, BusyError while another does not end.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(self._locked())
            except OSError as error:
                raise StoppedError(
                    f"expected to lock {self._folder}, got {one_line(error)}; nothing was sent; "
                    "see to the disk"
                ) from error
            self.check()
            yield

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """No action is under way. Raises BusyError while one does not end, OSError where nobody can tell."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._lock.held())
            except Busy as error:
                raise BusyError(
                    f"expected the action under way to end, got none of that ({one_line(error)}); "
                    "nothing was sent or changed; see to that process"
                ) from error
            yield
