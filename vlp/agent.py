"""The agent: observe, search, act, verify, until done. A LangGraph graph around plain libraries.

The graph's state holds numbers and words only; pictures and trees stay in the agent and the run folder.
"""

from __future__ import annotations

import time
from typing import Any, TypedDict

import numpy as np
from langgraph.graph import END, START, StateGraph
from numpy.typing import NDArray

from executors.robot import Robot
from executors.runtime import Followed
from planner import NoPlan, Plan, Search
from tasks.goal import Goal, PushGoal, understand
from vlp.accounts import Accounts
from vlp.build import Parts
from vlp.deciding import Decider
from vlp.decision import ActedSubgoal
from vlp.errors import ModelError
from vlp.events import (
    Acted,
    Events,
    Judged,
    Observed,
    Replanned,
    RunStarted,
    Stopped,
    SubgoalStarted,
    Verified,
    searched,
)
from vlp.extraction import follower
from vlp.runfolder import RunFolder
from vlp.settings import Settings
from vlp.sight import SURE, reached
from vlp.timing import Stopwatch

GO_ON = 0.015
"""Metres: when every block is this near to where the clip put it, the plan's next step is acted too."""
HOLD = 12
"""Control steps that a goal is held once it is seen to be reached, a little over a second."""
MAX_FRUITLESS = 20
"""Decisions without a plan, or with one that moved nothing, in a row before the agent gives up."""
MAX_DOUBTS = 3
"""Times that a VLM may say "not done" of a board on which the goal's rule holds; then the rule counts."""


class State(TypedDict, total=False):
    """What LangGraph carries from node to node."""

    decision: int
    fruitless: int
    control_step: int
    outcome: str


class Agent:
    """Carries out instructions on one robot."""

    def __init__(
        self,
        parts: Parts,
        robot: Robot,
        settings: Settings,
        *,
        events: Events,
        folder: RunFolder,
        live: Any = None,
    ) -> None:
        self.parts, self.robot, self.settings = parts, robot, settings
        self.events, self.folder, self.live = events, folder, live
        self.watch = Stopwatch()
        policy, probe = self.watch.wrap("policy", parts.policy), self.watch.wrap("probe", parts.probe)
        self._runtime = follower(settings.extraction, robot, policy, probe)
        self._goal: Goal | None = None
        self._plan: Plan | None = None
        self._steps = self._doubts = self._decision = self._idle = 0
        self._decider = Decider(parts, settings, self.watch, live)
        self.accounts = Accounts(parts.accounted, events)
        self.failure: ModelError | None = None
        """What a model that is not bundled failed with, where that ended the run."""
        self._graph = self._build_graph()

    # -- the graph ---------------------------------------------------------------------------------

    def _build_graph(self) -> Any:
        graph = StateGraph(State)
        for node in (self._observe, self._search, self._act):
            graph.add_node(node.__name__.strip("_"), node)
        graph.add_edge(START, "observe")
        graph.add_conditional_edges("observe", lambda s: END if s["outcome"] else "search", ["search", END])
        graph.add_conditional_edges("search", self._after_search, ["act", "search", END])
        graph.add_edge("act", "observe")
        return graph.compile()

    @staticmethod
    def _after_search(state: State) -> str:
        if state["outcome"]:
            return str(END)
        return "search" if state["fruitless"] else "act"

    def _observe(self, state: State) -> State:
        frame = self._frame()
        self.events.emit(Observed(time=self.events.now(), control_step=self._steps, score=self._score()))
        if self._ended():
            return {"outcome": self._ended()}
        # Standing still costs little, and a goal that only seems reached may be reached.
        if self._seen_done(frame, sure=0.0) and self._hold() and self._confirmed():
            return {"outcome": self._ended() or "done"}
        return {"outcome": self._ended(), "control_step": self._steps}

    def _search(self, state: State) -> State:
        decision = state.get("decision", 0) + 1
        start = time.perf_counter()
        try:
            found: Search | NoPlan = self._imagine(decision)
        except NoPlan as error:
            found = error
        seconds = time.perf_counter() - start
        self.watch.add("search", seconds)
        self.folder.save_decision(decision, found, seconds)
        self.events.emit(searched(found, time=self.events.now(), decision=decision, seconds=seconds))
        if isinstance(found, NoPlan):
            fruitless = state.get("fruitless", 0) + 1
            outcome = str(found) if fruitless >= MAX_FRUITLESS else ""
            return {"decision": decision, "fruitless": fruitless, "outcome": outcome}
        self._plan = found.plan
        return {"decision": decision, "fruitless": 0, "outcome": ""}

    def _act(self, state: State) -> State:
        assert self._plan is not None
        before = self._steps
        for number, step in enumerate(self._plan, 1):
            self.events.emit(
                SubgoalStarted(
                    time=self.events.now(), decision=state["decision"], step=number, subgoal=step.subgoal
                )
            )
            start = time.perf_counter()
            followed = self._runtime.follow(step.clip, self._watch_step, self._finished)
            self.watch.add("acting", time.perf_counter() - start)
            if not self._verify(state["decision"], step.subgoal, step.clip, followed):
                break
        self._idle = 0 if self._steps > before else self._idle + 1
        return {"control_step": self._steps}

    def _verify(self, decision: int, subgoal: str, clip: NDArray[np.uint8], followed: Followed) -> bool:
        """Imagined beside real; True when the plan's next step may be acted."""
        frame = self._frame()
        done = bool(self._ended()) or self._seen_done(frame)
        go_on = not done and followed.outcome == "followed" and followed.distance < GO_ON
        outcome = "done" if done else "go on" if go_on else "replan"
        self.events.emit(
            Verified(
                time=self.events.now(),
                decision=decision,
                subgoal=subgoal,
                outcome=outcome,  # type: ignore[arg-type]
                distance=followed.distance,
                steps_to_go=self._steps_to_go(frame),
            )
        )
        if outcome == "replan":
            reason = followed.reason or f"a block is {followed.distance:.3f} m from where it was imagined"
            self.events.emit(Replanned(time=self.events.now(), reason=reason))
        self.folder.save_acted(ActedSubgoal(decision, subgoal, clip, followed.seen, outcome))
        return go_on

    # -- small steps -------------------------------------------------------------------------------

    @property
    def _text(self) -> str:
        assert self._goal is not None
        return self._goal.text

    def _frame(self) -> NDArray[np.uint8]:
        return np.asarray(self.robot.get_observation()["rgb"])

    def _info(self) -> dict[str, Any]:
        return dict(getattr(self.robot, "info", {}))

    def _score(self) -> float | None:
        best = self._info().get("best")
        return None if best is None else float(best)

    def _ended(self) -> str:
        """Why the episode is over, or nothing."""
        if getattr(self.robot, "terminated", False):
            return "complete"
        if getattr(self.robot, "truncated", False) or self._steps >= self.settings.max_control_steps:
            return "out of control steps"
        if self._idle >= MAX_FRUITLESS:
            return f"no plan moved anything, {self._idle} times in a row; nothing more is tried"
        return ""

    def _finished(self, present: NDArray[np.bool_], where: NDArray[np.float32], sure: float = SURE) -> bool:
        """Whether the goal is seen reached, see `vlp.sight.reached`."""
        assert self._goal is not None
        target = self.robot.get_observation()["effector_target_translation"]
        return reached(self._goal, present, where, target, sure=sure)

    def _seen_done(self, frame: NDArray[np.uint8], sure: float = SURE) -> bool:
        """Whether the camera shows the goal reached."""
        present, where = self.parts.probe.places(frame[None])
        return self._finished(present[0], where[0], sure)

    def _hold(self) -> bool:
        """Stand still for a second; True when the goal is still seen to be reached."""
        for _ in range(HOLD):
            if self._ended():
                return True
            sent = self.robot.send_action(np.zeros(2, np.float32))
            self._watch_step(0, np.zeros(2, np.float32), sent, self._frame())
        return self._seen_done(self._frame())

    def _confirmed(self) -> bool:
        """Whether a goal that seems reached is: surely, or the VLM, where one is asked, agrees, or has
        doubted too often."""
        if self.parts.success is None or self._ended() or self._doubts >= MAX_DOUBTS:
            return True
        try:
            found = self.parts.success.success(self._frame(), self._text)
        except ModelError as error:  # it has no say then
            self.events.emit(Judged(time=self.events.now(), reached=True, why=f"by the rule alone: {error}"))
            return True
        self.events.emit(Judged(time=self.events.now(), reached=found.reached, why=found.why))
        if found.reached or self._seen_done(self._frame()):  # what is surely done is not pushed about
            return True
        self._doubts += 1
        return False

    def _watch_step(
        self, index: int, action: NDArray[np.float32], sent: NDArray[np.float32], frame: NDArray[np.uint8]
    ) -> bool:
        """Count, record and tell one control step; True when the episode is over."""
        self._steps += 1
        number = self.folder.add_frame(frame)
        self.events.emit(
            Acted(
                time=self.events.now(),
                control_step=self._steps,
                action=(float(action[0]), float(action[1])),
                sent=(float(sent[0]), float(sent[1])),
                frame_index=number,
            )
        )
        return bool(self._ended())

    def _imagine(self, decision: int) -> Search:
        assert self._goal is not None
        self._decision = decision
        try:
            return self._decider.search(self._frame(), self._goal, decision)
        finally:
            self.accounts.tell(decision)

    def _steps_to_go(self, frame: NDArray[np.uint8]) -> float:
        """As the value sees a frame uint8 [H, W, 3], control steps."""
        try:
            return float(self.parts.value.steps_to_go(frame[None], self._text).mean[0])
        except ModelError:  # it is only told: the next search says what is wrong
            return float("nan")

    # -- what callers use --------------------------------------------------------------------------

    def _begin(self, instruction: str) -> None:
        """Connect, look, and understand the instruction on what is seen. Raises UnknownInstruction."""
        if not self.robot.is_connected:
            self.robot.connect()
        blocks = {name: np.array(xy) for name, xy in self.parts.probe.blocks(self._frame()).items()}
        self._goal = understand(instruction, blocks)
        task = self._goal.instruction.family if isinstance(self._goal, PushGoal) else self._goal.text
        settings = self.settings.as_dict()
        self.events.emit(
            RunStarted(
                time=self.events.now(),
                instruction=instruction,
                task=task,
                seed=self.settings.seed,
                settings=dict(settings),
            )
        )

    def plan(self, instruction: str) -> Search:
        """Look and search; nothing moves. Raises NoPlan and UnknownInstruction."""
        self._begin(instruction)
        start = time.perf_counter()
        try:
            found = self._imagine(1)
        except NoPlan as error:
            self.folder.save_decision(1, error, time.perf_counter() - start)
            raise
        seconds = time.perf_counter() - start
        self.folder.save_decision(1, found, seconds)
        self.events.emit(searched(found, time=self.events.now(), decision=1, seconds=seconds))
        return found

    def run(self, instruction: str) -> dict[str, Any]:
        """Carry out an instruction; returns what stands in result.json. Raises UnknownInstruction."""
        start = time.perf_counter()
        self._begin(instruction)
        try:
            final: State = self._graph.invoke({"decision": 0}, {"recursion_limit": 10_000})
        except ModelError as error:  # nothing moves on what it did not say
            self.failure, final = error, {"outcome": str(error), "decision": self._decision}
        info = self._info()
        complete = bool(info.get("complete", False)) or final["outcome"] == "complete"
        self.events.emit(
            Stopped(
                time=self.events.now(),
                reason=final["outcome"],
                score=self._score(),
                complete=complete,
                control_steps=self._steps,
            )
        )
        return {
            "instruction": instruction,
            "task": self._text,
            "seed": self.settings.seed,
            "score": self._score(),
            "complete": complete,
            "reason": final["outcome"],
            "control_steps": self._steps,
            "decisions": final.get("decision", 0),
            "plan": list(self._plan.subgoals) if self._plan else [],
            "seconds": round(time.perf_counter() - start, 2),
            "seconds_by_part": {name: round(value, 2) for name, value in self.watch.seconds.items()},
            "settings": self.settings.as_dict(),
            "models": self.parts.hashes,
            "models_used": self.accounts.as_list(),
        }
