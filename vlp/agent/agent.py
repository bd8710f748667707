"""The agent: observe, search, approve, act, verify, until done. Nodes of a loop around plain libraries."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from langgraph.types import interrupt

from executors.robot import Driver
from executors.wrapped import WrappedRobot
from planner import Known, NoPlan, Plan, Search
from tasks.domain import AmbiguousInstruction, Goal, Scene, Stepwise, UnknownInstruction
from vlp.agent.accounts import Accounts
from vlp.agent.ambiguity import not_sure, ways
from vlp.agent.any_words import Program
from vlp.agent.approval import Answer
from vlp.agent.decide import Decider
from vlp.agent.graph import Ask, Looping
from vlp.agent.narrate import answered, replanned, searched, understood, verified
from vlp.agent.parts import Parts
from vlp.agent.sense import MAX_FRUITLESS
from vlp.agent.state import Go, State
from vlp.durable.keeping import Keeping
from vlp.errors import InstructionError, StateError
from vlp.events.timing import Stopwatch
from vlp.events.types import Events, Observed, Outcome, Replanned, RunStarted, Stopped, SubgoalStarted, Unsure
from vlp.record.decision import ActedSubgoal
from vlp.record.folder import RunFolder
from vlp.settings import Settings, Waits

MAX_UNSURE = 3
"""Searches in a row without a plan that is sure enough, before the agent gives up."""


class AgentLoop(Looping):
    """Carries out instructions on one robot.

    Args:
        approve: whether plans wait for an operator.
        keeping: where what must outlive the process is kept; None: nothing has to.
    """

    def __init__(
        self,
        parts: Parts,
        robot: Driver,
        settings: Settings,
        *,
        events: Events,
        folder: RunFolder,
        live: Any = None,
        approve: Waits = "auto",
        keeping: Keeping | None = None,
    ) -> None:
        keeping = keeping or Keeping()
        robot = parts.harness(WrappedRobot(robot))
        super().__init__(parts, robot, settings, events=events, folder=folder, keeping=keeping)
        self.watch, self.approve = Stopwatch(), approve
        self._seconds = 0.0
        """Of all calls of `run`."""
        self._runtime = parts.follower(settings.extraction, robot, self.watch)
        self._plan: Plan | None = None
        self._program: Program | None = None
        """The goal as a VLM wrote it, where the world's grammar does not know the words."""
        self._live = live
        self._decider = Decider(parts, settings, self.watch, live, keeping.recall)
        self.accounts = Accounts(parts.accounted, events)

    # -- the loop ----------------------------------------------------------------------------------

    def _nodes(self) -> dict[str, Callable[[State], State]]:
        """Observe, search, approve, act, verify: in this order, until the goal is reached or nothing helps.
        Each says where to go next."""
        return {
            "observe": self._observe,
            "search": self._search,
            "approve": self._approve,
            "act": self._act,
            "verify": self._verify,
        }

    def _observe(self, state: State) -> State:
        self._frame()  # a picture that can't be relied on ends the run here
        self.events.emit(Observed(time=self.events.now(), control_step=self._steps, score=self._score()))
        if self._ended():
            return {"go": "end", "outcome": self._ended()}
        if self._reached(may_send=state.get("approved", False) or not self._asks(state)):
            return {"go": "end", "outcome": self._ended() or "done"}
        return {"go": "end", "outcome": self._ended()} if self._ended() else {"go": "search"}

    def _asks(self, state: State) -> bool:
        """Whether a plan waits for an operator: all, or the first of a goal that a VLM wrote."""
        first = self._program is not None and not state.get("approved", False)
        return self.approve == "ask" or (self.approve == "program" and first)

    def _reached(self, *, may_send: bool) -> bool:
        """Whether the goal is. Standing still costs little, and a goal that only seems reached may be; but
        nothing at all is sent before a plan was approved."""
        if not may_send:
            return self._surely_done() and self._confirmed()
        return self._seen_done(surely=False) and self._hold() and self._confirmed()

    def _search(self, state: State) -> State:
        decision = state["decision"] + 1
        start = time.perf_counter()
        try:
            found: Search | NoPlan = self._imagine(decision, self._known(state), state.get("stalled", []))
        except NoPlan as error:
            found = error
        seconds = time.perf_counter() - start
        self.watch.add("search", seconds)
        self.folder.save_decision(decision, found, seconds)
        self._tell_searched(found, decision, seconds)
        if isinstance(found, NoPlan):
            return self._fruitless(state, decision, found)
        go: Go = "approve" if self._asks(state) else "act"
        if go == "act" and not self._chosen(state) and not self._sure(found, decision):
            if len(ways(found, self.parts.sight)) < 2:
                return self._unsure(state, decision, found)
            go = "approve"
        self._plan, self._found = found.plan, {decision: found}
        digest = self.keeping.keep_plan(decision, found.plan)
        changes: State = {"go": go, "decision": decision, "shown": decision, "plan": digest}
        return {**changes, "amends": 0, "fruitless": 0, "unsure": 0, "step": 0}

    @staticmethod
    def _chosen(state: State) -> bool:
        """Whether an operator has said which branch to take."""
        if not state.get("amends", 0):
            return False
        answer = Answer.of(state["answer"])
        return answer.picked is not None or answer.edited is not None

    def _sure(self, found: Search, decision: int) -> bool:
        """Whether a plan's expected success is what was asked for."""
        needed, expected = self.settings.min_confidence, found.expected_success
        if needed is None or expected is None or not not_sure(found, needed):
            return True
        nodes = found.tree.nodes
        ends = {str(node): nodes[node].subgoal for node in ways(found, self.parts.sight)}
        self.events.emit(Unsure(time=self.events.now(), decision=decision, expected_success=expected,
                                needed=needed, ways=ends))  # fmt: skip
        return False

    def _unsure(self, state: State, decision: int, found: Search) -> State:
        """Nobody need be asked where all branches end alike: search again, from other seeds."""
        unsure = state.get("unsure", 0) + 1
        if unsure < MAX_UNSURE:
            return {"go": "search", "decision": decision, "amends": 0, "unsure": unsure}
        outcome = f"{not_sure(found, self.settings.min_confidence)}, {unsure} times in a row"
        return {"go": "end", "decision": decision, "unsure": unsure, "outcome": outcome}

    @staticmethod
    def _fruitless(state: State, decision: int, found: NoPlan) -> State:
        """Search again, from other seeds; after an operator's change, show the plan before it again, unless
        that was rejected."""
        fruitless = state.get("fruitless", 0) + 1
        if fruitless >= MAX_FRUITLESS:
            return {"go": "end", "decision": decision, "fruitless": fruitless, "outcome": str(found)}
        again = state.get("amends", 0) and not Answer.of(state["answer"]).rejected
        go: Go = "approve" if again else "search"
        return {"go": go, "decision": decision, "amends": 0, "fruitless": fruitless}

    def _approve(self, state: State) -> State:
        answer = Answer.of(interrupt({"decision": state["shown"], "plan": state["plan"]}))
        self.events.emit(answered(answer, time=self.events.now(), decision=state["shown"]))
        if answer.say == "approve":
            return self._approved(state)
        if answer.say == "stop":
            return {"go": "end", "outcome": answer.reason}
        return {"go": "search", "amends": state["shown"], "answer": answer.as_dict()}

    def _approved(self, state: State) -> State:
        """An approval is of a plan on the scene that it begins with."""
        begins = self._shown(state["shown"], state["plan"]).tree.root_frame
        if why := self.parts.sight.moved(begins, self._frame()):
            self.events.emit(Replanned(time=self.events.now(), reason=f"while the plan waited, {why}"))
            return {"go": "observe"}
        return {"go": "act", "approved": True}

    def _act(self, state: State) -> State:
        plan, number = self._planned(state), state["step"]
        if not number:
            self.keeping.forget_search()
        began = state["began"] if number else self._steps
        subgoal = plan[number].subgoal
        self.events.emit(
            SubgoalStarted(
                time=self.events.now(), decision=state["decision"], step=number + 1, subgoal=subgoal
            )
        )
        start = time.perf_counter()
        followed = self._runtime.follow(plan[number].clip, self._watch_step, self._seen_done, words=subgoal)
        self.watch.add("acting", time.perf_counter() - start)
        self.keeping.keep_followed(followed, state["decision"], number)
        return {"go": "verify", "began": began}

    def _verify(self, state: State) -> State:
        """Imagined beside real: goes on to the plan's next step, or looks anew."""
        step = self._planned(state)[state["step"]]
        followed = self.keeping.followed(state["decision"], state["step"])
        frame = self._frame()
        done = bool(self._ended()) or self._surely_done()
        go_on = not done and followed.came_about(self.parts.near)
        outcome: Outcome = "done" if done else "go on" if go_on else "replan"
        to_go, decision = self._steps_to_go(frame), state["decision"]
        self.events.emit(
            verified(followed, time=self.events.now(), decision=decision, subgoal=step.subgoal,
                     outcome=outcome, steps_to_go=to_go)
        )  # fmt: skip
        if outcome == "replan":
            self.events.emit(replanned(followed, time=self.events.now()))
        acted = ActedSubgoal(decision, step.subgoal, step.clip, followed.seen, outcome)
        self.folder.save_acted(acted, state["step"] + 1)
        if go_on and state["step"] + 1 < len(self._planned(state)):
            return {"go": "act", "step": state["step"] + 1}
        if go_on:
            why = "the plan is at its end, and the goal is not reached yet"
            self.events.emit(Replanned(time=self.events.now(), reason=why))
        self._idle = 0 if self._steps > state["began"] else self._idle + 1
        before = state.get("stalled", [])
        return {
            "go": "observe",
            "stalled": [*before, step.subgoal] if followed.outcome == "stalled" else [],
        }

    # -- small steps -------------------------------------------------------------------------------

    def _tell_searched(self, found: Search | NoPlan, decision: int, seconds: float) -> None:
        event = searched(found, time=self.events.now(), decision=decision, seconds=seconds)
        rejected = {**event.rejected, **self.parts.dropped()}
        self.events.emit(event.model_copy(update={"rejected": rejected}))

    def _planned(self, state: State) -> Plan:
        """The plan that is acted on, read back after a crash."""
        if self._plan is None:
            self._plan = self.keeping.plan(state["shown"], state["plan"])
        return self._plan

    def _known(self, state: State) -> Known | None:
        """The tree that an operator changed."""
        if not (number := state.get("amends", 0)):
            return None
        tree = self._shown(number, state["plan"]).tree
        return Known(tree, Answer.of(state["answer"]).amendment)

    def _imagine(self, decision: int, known: Known | None = None, stalled: Sequence[str] = ()) -> Search:
        assert self._goal is not None
        self._decision = decision
        try:
            return self._decider.search(self._frame(), self._goal, decision, known, stalled)
        finally:
            self.accounts.tell(decision)

    # -- what callers use --------------------------------------------------------------------------

    def _begin(self, instruction: str) -> None:
        """Connect, look, and understand the instruction on what is seen. Raises UnknownInstruction and,
        for what can't be done on this scene, InstructionError."""
        if not self.robot.is_connected:
            self.robot.connect()
        scene = self.keeping.scene(lambda: self.parts.sight.scene(self._frame()))
        try:
            self._goal = self._understood(instruction, scene)
        except UnknownInstruction:
            raise
        except ValueError as error:
            raise InstructionError(f"instruction: {error}") from error
        if isinstance(self._goal, Stepwise):
            self._goal.step = self._came_to
        self.parts = self.parts.toward(self.parts, self._goal)
        self._decider = Decider(self.parts, self.settings, self.watch, self._live, self.keeping.recall)
        self._scored = self._keeps_score()
        if self.keeping.resumed and self.folder.position:
            return
        self.events.emit(
            RunStarted(
                time=self.events.now(),
                instruction=instruction,
                task=self._goal.name,
                seed=self.settings.seed,
                settings=dict(self.settings.as_dict()),
                rules=tuple(rule.text for rule in self.parts.rules),
                understood=understood(instruction, self._goal),
            )
        )

    def _understood(self, instruction: str, scene: Scene) -> Goal:
        """The goal by the world's grammar, else as a VLM writes it, else as it was written when the run
        began: it is not asked again."""
        sight, any_words, kept = self.parts.sight, self.parts.any_words, self.keeping.program()
        if kept is None:
            try:
                return sight.understand(instruction, scene)
            except UnknownInstruction as error:
                if any_words is None or isinstance(error, AmbiguousInstruction):
                    raise
            kept = any_words.write(instruction, scene, self._frame(), sight)
            self.keeping.keep_program(kept)
        if any_words is None:
            raise StateError("state: expected the VLM that wrote the goal, got none; start the run again")
        self._program = kept
        return any_words.goal(kept, scene, sight)

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
        self._tell_searched(found, 1, seconds)
        return found

    def run(self, instruction: str, ask: Ask | None = None) -> dict[str, Any]:
        """Carry out an instruction, or go on with it, also where an earlier call ended at a plan that
        waited; returns what stands in result.json.

        ask: gives the answers where plans wait for an operator; without it the run ends at the first such
        plan, and can be resumed. Raises UnknownInstruction.
        """
        start = time.perf_counter()
        with self.keeping.checkpoints() as checkpointer:
            graph = self._build_graph(checkpointer)
            if not self._begun:
                self._restore(graph)
                self._begin(instruction)
            final = self._invoke(graph, ask)
        complete = self._complete(final["outcome"])
        self.events.emit(
            Stopped(
                time=self.events.now(),
                reason=final["outcome"],
                score=self._score(),
                complete=complete,
                judged_by=self._judge,
                control_steps=self._steps,
            )
        )
        self._seconds += time.perf_counter() - start
        return self._result(instruction, final, complete, self._seconds)

    def _complete(self, outcome: str) -> bool:
        """Whether the goal is reached, in the word of who judges it."""
        if self._judge == "simulator":
            return bool(self._info().get("complete", False)) or outcome == "complete"
        return outcome == "done"

    def _result(self, instruction: str, final: State, complete: bool, seconds: float) -> dict[str, Any]:
        return {
            "instruction": instruction,
            "task": self._text,
            "seed": self.settings.seed,
            "score": self._score(),
            "complete": complete,
            "judged_by": self._judge,
            "reason": final["outcome"],
            "control_steps": self._steps,
            "decisions": final.get("decision", 0),
            "plan": list(self._plan.subgoals) if self._plan else [],
            "seconds": round(seconds, 2),
            "seconds_by_part": {name: round(value, 2) for name, value in self.watch.seconds.items()},
            "settings": self.settings.as_dict(),
            **({"program": dict(self._program)} if self._program is not None else {}),
            **({"rules": [rule.text for rule in self.parts.rules]} if len(self.parts.rules) else {}),
            "models": self.parts.hashes,
            "models_used": self.accounts.as_list(),
        }
