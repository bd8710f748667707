"""Keeper of a run's state for the time after a crash, as the agent asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
from langgraph.checkpoint.base import BaseCheckpointSaver

from executors.follow.follower import Followed
from executors.robot import Robot
from planner import Frames, Plan, PlanStep
from tasks.domain import Scene
from vlp.agent.state import State
from vlp.durable.checkpoints import Checkpoints, anew, in_file, in_memory
from vlp.durable.codec import pack, unpack
from vlp.durable.filed import Filed
from vlp.durable.journal import Journal, JournaledRobot
from vlp.durable.recall import Recall
from vlp.durable.store import Store
from vlp.errors import StateError
from vlp.record.digest import plan_digest

CHECKPOINTS: Final = "checkpoints.sqlite"
BLOCKS: Final = "blocks"
PLAN: Final = "plan"
PROGRAM: Final = "program"
THREAD: Final = "thread"
FOLLOWED: Final = "followed"


class Keeping:
    """Keeps in a store, or, without one, in this process only.

    Args:
        store: a run's; None: nothing has to outlive the process, and searches are not remembered.
        resumed: whether the run was begun before.
        checkpoints: where LangGraph's checkpoints go, else beside the store.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        resumed: bool = False,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._store, self.resumed = store, resumed
        self._checkpoints = checkpoints
        self.recall = None if store is None else Recall(store)
        self._followed: tuple[int, int, Followed] | None = None
        self._filed = None if store is None else Filed(store)
        self._journaled: JournaledRobot | None = None

    @property
    def thread(self) -> str:
        """The run's name among the checkpoints; where many runs share a place, one that no other has."""
        if self._store is None or self._checkpoints is None:
            return "run"
        kept = self._store.get(THREAD)
        if kept is None:
            self._store.put({THREAD: (kept := uuid4().hex.encode())})
        return kept.decode()

    @contextmanager
    def checkpoints(self) -> Iterator[BaseCheckpointSaver[Any]]:
        """Where LangGraph keeps its state."""
        path = None if self._store is None else self._store.path
        beside = in_memory if path is None else in_file(path.with_name(CHECKPOINTS))
        opened = self._checkpoints or beside
        with opened() as saver:
            yield saver

    @property
    def anew(self) -> str:
        """What to do where the checkpoints do not fit the rest."""
        if self._checkpoints is None:
            return anew(CHECKPOINTS)
        return (
            f"delete the rows of thread {self.thread} from the database's checkpoints, then vlp resume the "
            "run: its journal has every step that was sent"
        )

    def counted(self, files: Sequence[Path]) -> State:
        """What there is, for a checkpoint: files, with those that were written now, and the journal's
        rows."""
        if self._store is None or self._store.path is None or self._filed is None:
            return {}
        if files:
            self._filed.add(self._store.path.parent, files)
        if self._journaled is None:
            return {"files": self._filed.count}
        journal = self._journaled.journal
        return {"files": self._filed.count, "journal": journal.rows, "journal_digest": journal.digest}

    def known_files(self, count: int) -> set[str]:
        """The first `count` files that were written, by their names in the run's folder; the others will be
        again. Raises StateError where one is not as it was."""
        if self._store is None or self._store.path is None or self._filed is None:
            return set()
        known = self._filed.check(self._store.path.parent, count)
        self._filed.cut(count)
        return known

    def robot(self, robot: Robot) -> Robot:
        """The robot behind a journal of its steps, where there is a store."""
        if self._store is None:
            return robot
        self._journaled = JournaledRobot(robot, Journal(self._store))
        return self._journaled

    def go_on(self, at: int) -> Iterator[Frames]:
        """Let the robot be seen as it was after `at` control steps; what was seen after each of them, uint8
        [H, W, 3]."""
        assert self._journaled is not None, "expected a run with a store to be resumed"
        self._journaled.at = at
        journal = self._journaled.journal
        return (np.asarray(journal.after(number)[1]["rgb"]) for number in range(1, at + 1))

    @property
    def steps(self) -> int | None:
        """Control steps that the robot was sent, where there is a journal of them."""
        return None if self._journaled is None else self._journaled.at

    def scene(self, look: Callable[[], Scene]) -> Scene:
        """What was seen when the run began: numbers of an instruction are fixed there."""

        def ask() -> bytes:
            return pack({name: [float(value) for value in xy] for name, xy in look().items()})

        kept = None if self._store is None else self._store.get(BLOCKS)
        if kept is None:
            kept = ask()
            if self._store is not None:
                self._store.put({BLOCKS: kept})
        return dict(unpack(kept)[0])

    def program(self) -> Mapping[str, Any] | None:
        """The goal as a VLM wrote it; None where none did."""
        kept = None if self._store is None else self._store.get(PROGRAM)
        return None if kept is None else dict(unpack(kept)[0])

    def keep_program(self, program: Mapping[str, Any]) -> None:
        """Keep the goal that a VLM wrote, ready for JSON: a run that goes on has the same."""
        if self._store is not None:
            self._store.put({PROGRAM: pack(dict(program))})

    def keep_plan(self, decision: int, plan: Plan) -> str:
        """Keep the plan that is to be acted on; its digest."""
        steps = [(s.subgoal, s.steps_to_go, s.spread, s.node_id) for s in plan]
        digest = plan_digest(decision, plan)
        if self._store is not None:
            clips = {f"clip{i}": step.clip for i, step in enumerate(plan)}
            said = {"decision": decision, "steps": steps, "digest": digest}
            self._store.put({PLAN: pack(said, clips)})
        return digest

    def plan(self, decision: int, digest: str) -> Plan:
        """The plan that was kept. Raises StateError where it is not the one of this digest."""
        kept = None if self._store is None else self._store.get(PLAN)
        said, clips = ({}, {}) if kept is None else unpack(kept)
        if said.get("digest") != digest or said.get("decision") != decision:
            raise StateError(
                f"state: expected the plan {digest[:12]} of decision {decision}, got "
                f"{str(said.get('digest'))[:12]}; {self.anew}"
            )
        return Plan(tuple(
            PlanStep(subgoal, clips[f"clip{i}"], steps_to_go, spread, node)
            for i, (subgoal, steps_to_go, spread, node) in enumerate(said["steps"])
        ))  # fmt: skip

    def forget_search(self) -> None:
        """Once a plan is acted on, nothing of its search is asked again."""
        if self.recall is not None:
            self.recall.forget()

    def keep_followed(self, followed: Followed, decision: int, step: int) -> None:
        """Keep what came of the clip of a plan's step (from 0) until it is verified."""
        self._followed = decision, step, followed
        if self._store is not None:
            said = {name: value for name, value in vars(followed).items() if name != "seen"}
            self._store.put({FOLLOWED: pack([decision, step, said], {"seen": followed.seen})})

    def followed(self, decision: int, step: int) -> Followed:
        """What came of the clip of a plan's step. Raises StateError where another one was followed last."""
        if self._followed is None and self._store is not None and (kept := self._store.get(FOLLOWED)):
            (first, second, said), arrays = unpack(kept)
            self._followed = first, second, Followed(**said, seen=arrays["seen"])
        if self._followed is None or self._followed[:2] != (decision, step):
            raise StateError(
                f"state: expected what came of step {step + 1} of decision {decision}, got "
                f"{'none' if self._followed is None else 'that of another'}; {self.anew}"
            )
        return self._followed[2]
