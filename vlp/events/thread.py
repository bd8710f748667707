"""Run in a thread of its own that somebody follows; the robot stops when nobody does any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from vlp.events.types import Event, Events, Stopped


class Following:
    """Does some work, and gives its events one by one.

    Args:
        events: what happens.
        work: makes it happen.
        stop: called when the work is left before it has ended.
    """

    def __init__(self, events: Events, work: Callable[[], object], stop: Callable[[], None]) -> None:
        self._stop, self._over = stop, False
        self._queue = SimpleQueue[Event | BaseException | None]()
        events.subscribe(self._queue.put)
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            self._queue.put(error)
        else:
            self._queue.put(None)

    def get(self) -> Event | None:
        """The next event, None after the last. Raises what the work raised."""
        event = self._queue.get()
        self._over |= not isinstance(event, Event) or isinstance(event, Stopped)
        if isinstance(event, BaseException):
            raise event
        return event

    def leave(self) -> None:
        """Stop, unless the end of the work was seen."""
        if not self._over:
            self._stop()

    def join(self) -> None:
        """Wait for the work's end."""
        self._thread.join()
