"""Time left of a run, worked out from its own events: nothing here looks at a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vlp.events.types import Acted, Event, Observed, RunStarted, Searched, Verified


@dataclass(frozen=True, kw_only=True)
class Left:
    """How far a run is, and where the value sees its end.

    cap: control steps at which the run gives up; None: not known.
    goal: the control step at which the value expects the goal to be reached; None: it does not say, or the
        run is past what it said.
    """

    cap: int | None = None
    step: int = 0
    goal: int | None = None
    time: float = 0.0
    """Of the newest event, seconds."""
    began: tuple[float, int] | None = None
    """Time and control step of the run's start here; one that is gone on with has a past."""

    def after(self, event: Event) -> Left:
        """As it is once this has happened."""
        left = replace(self, time=event.time, began=self.began or (event.time, self.step))
        match event:
            case RunStarted():
                return left
            case Acted() | Observed():
                step = max(left.step, event.control_step)
                past = left.goal is not None and step >= left.goal
                return replace(left, step=step, goal=None if past else left.goal)
            case Searched():
                return left._expecting(event.root_steps_to_go)
            case Verified():
                return left._expecting(event.steps_to_go)
            case _:
                return left

    def _expecting(self, steps: float | None) -> Left:
        if steps is None or steps < 1:
            return replace(self, goal=None)
        goal = self.step + round(steps)
        return replace(self, goal=goal if self.cap is None else min(goal, self.cap))

    @property
    def seconds(self) -> float | None:
        """That are left at the pace so far, thinking included; None where nobody can say."""
        if self.goal is None or self.began is None:
            return None
        time, step = self.time - self.began[0], self.step - self.began[1]
        return time * (self.goal - self.step) / step if step > 0 and time > 0 else None

    @property
    def words(self) -> str:
        """Both, for a person."""
        steps = f"{self.step} control steps"
        if self.goal is not None:
            steps += f" of about {self.goal}"
        if self.cap is not None:
            steps += f" (it gives up at {self.cap})"
        if self.seconds is None:
            return f"{steps}, time left not known yet"
        minutes, seconds = divmod(round(self.seconds), 60)
        return f"{steps}, time left about {minutes}:{seconds:02d}"
