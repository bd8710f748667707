"""The agent's loop: a LangGraph graph of its nodes, checkpoints, and the answers of an operator.

The graph's state holds numbers, words and digests only; pictures and trees lie in the run folder and the
store. Every node leaves a checkpoint: a run that was broken off goes on with the node that was under way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from langsmith import tracing_context

from executors.robot import Robot
from executors.safety.faults import HoldError
from planner import Search
from vlp.agent.approval import Answer, check
from vlp.agent.parts import Parts
from vlp.agent.sense import Acting
from vlp.agent.state import State, Waiting
from vlp.durable.keeping import Keeping
from vlp.errors import ModelError, StateError
from vlp.events.types import Events
from vlp.record.digest import plan_digest
from vlp.record.folder import Mark, RunFolder
from vlp.settings import Settings

WAITS = "waits for an operator"
"""The outcome of a run whose plan no one has answered."""
Ask = Callable[[int, Search], Answer | None]
"""Shows an operator a decision and the search it made; gives what the operator says, None for nothing."""


class Looping(Acting):
    """Goes through the nodes `_observe`, `_search`, `_approve`, `_act` and `_verify` of whoever has them.

    Args:
        keeping: where what must outlive the process is kept.
    """

    def __init__(
        self,
        parts: Parts,
        robot: Robot,
        settings: Settings,
        *,
        events: Events,
        folder: RunFolder,
        keeping: Keeping,
    ) -> None:
        super().__init__(parts, robot, settings, events=events, folder=folder)
        self.keeping = keeping
        self._found: dict[int, Search] = {}
        self._decision, self._begun = 0, False
        self._came_to = 0
        """The step of the goal that a run which is gone on with had come to."""
        self.waits: Waiting | None = None
        """The plan that no one has answered, where the run ended at one."""
        self.failure: ModelError | HoldError | None = None
        """What ended the run where it was a model that is not bundled, or the robot's own safety."""

    def _nodes(self) -> dict[str, Callable[[State], State]]:
        """The nodes of the loop by their names."""
        raise NotImplementedError

    def _build_graph(self, checkpointer: BaseCheckpointSaver[Any] | None) -> Any:
        graph: Any = StateGraph(State)
        ways = {**{name: name for name in self._nodes()}, "end": END}
        for name, node in self._nodes().items():
            graph.add_node(name, self._counted(node))
            graph.add_conditional_edges(name, lambda state: state["go"], ways)
        graph.add_conditional_edges(START, lambda state: state["go"], ways)
        return graph.compile(checkpointer=checkpointer)

    def _counted(self, node: Callable[[State], State]) -> Callable[[State], State]:
        """The node, its counters put into the state. Nothing is begun while the robot may not move."""

        def run(state: State) -> State:
            if fault := self.robot.fault:
                raise HoldError(fault)
            changes = node(state)
            if self.keeping.steps is not None:  # more of them than were told, after a step that diverged
                self._steps = self.keeping.steps
            # What a checkpoint points to is on the disk before the checkpoint is.
            mark = self.folder.mark()
            kept: State = {**changes, **self.keeping.counted(mark.files)}
            return {
                **kept,
                "control_step": self._steps,
                "idle": self._idle,
                "doubts": self._doubts,
                "goal_step": self._goal_step,
                "events": mark.events,
                "events_digest": mark.digest,
            }

        return run

    def _restore(self, graph: Any) -> None:
        """The counters of a run that is gone on with."""
        if not self.keeping.resumed:
            return
        kept: State = graph.get_state(self._config).values
        self._steps, self._idle = kept.get("control_step", 0), kept.get("idle", 0)
        self._doubts, self._decision = kept.get("doubts", 0), kept.get("decision", 0)
        self._came_to = kept.get("goal_step", 0)
        mark = Mark(kept.get("events", 0), kept.get("events_digest", ""))
        known = self.keeping.known_files(kept.get("files", 0))
        self.folder.go_on(mark, known, self.keeping.go_on(self._steps))

    @property
    def _config(self) -> dict[str, Any]:
        return {"recursion_limit": 1_000_000, "configurable": {"thread_id": self.keeping.thread}}

    def _invoke(self, graph: Any, ask: Ask | None) -> State:
        """Go through the graph, or go on in it, asking where it waits."""
        given: Any = {"go": "observe", "decision": 0}
        goes_on = self.keeping.resumed or self._begun
        self._begun, self.waits, self.failure = True, None, None
        if goes_on and (kept := graph.get_state(self._config).values):
            if kept["go"] == "end":  # killed before it could say so
                return cast(State, kept)
            given = None
        try:
            while True:
                # LANGSMITH_TRACING would send the state to another machine.
                with tracing_context(enabled=False):
                    final: Any = graph.invoke(given, self._config, durability="sync")
                waits = final.get("__interrupt__")
                if not waits:
                    return cast(State, final)
                number = final["shown"]
                found = self._shown(number, final["plan"])
                self.waits = Waiting(number, found, final["plan"])
                answer = None if ask is None else ask(number, found)
                if answer is None:
                    return cast(State, {**final, "outcome": WAITS})
                check(answer, found, self.parts.sight.check_subgoal)  # it waits on, where that is refused
                self.waits = None
                given = Command(resume=answer.as_dict())
        except (ModelError, HoldError) as error:  # nothing moves on what they did not say
            self.failure = error
            return State(outcome=str(error), decision=self._decision)

    def under_way(self) -> Waiting | None:
        """The approved plan that a run which was broken off is at; only looks it up."""
        with self.keeping.checkpoints() as checkpointer:
            kept = self._build_graph(checkpointer).get_state(self._config).values
        if kept.get("go") not in ("act", "verify"):
            return None
        return Waiting(kept["shown"], self._shown(kept["shown"], kept["plan"]), kept["plan"])

    def _shown(self, number: int, digest: str) -> Search:
        """The search of a decision whose plan is shown. Raises StateError where the folder has another."""
        if number in self._found:
            return self._found[number]
        try:
            found = self.folder.search(number)
        except ValueError as error:
            raise StateError(f"state: {error}") from error
        if plan_digest(number, found.plan) != digest:
            raise StateError(
                f"state: expected the plan {digest[:12]} in decision {number}, got another; "
                f"{self.keeping.anew}"
            )
        return found
