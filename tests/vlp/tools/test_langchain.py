"""The tools for LangChain, in an agent of its own on LangGraph; the model is its fake, by a script."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from PIL import Image

from tests.vlp.small import GOAL, SMALL
from vlp import Agent
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import build
from vlp.errors import HeldError
from vlp.tools.langchain import planner_tools
from vlp.tools.plans import TOOLS

THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}}
YES = {"approve": True, "name": "Ada"}


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


@pytest.fixture
def planner(parts: Parts, tmp_path: Path) -> Iterator[Agent]:
    with Agent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path / "runs", parts=parts) as agent:
        yield agent


def where(planner: Agent) -> list[float]:
    return [float(x) for x in planner.observe()["effector_target_translation"]]


class Scripted(GenericFakeChatModel):
    """The library's fake, which takes tools and leaves them alone."""

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Scripted:
        assert {tool.name for tool in tools} == set(TOOLS)
        return self


class Helper:
    """An agent with the tools, whose model calls what it is told to, then is done."""

    def __init__(self, planner: Agent) -> None:
        self._script: deque[AIMessage] = deque()
        self._number = 0
        self.tools = planner_tools(planner)
        model = Scripted(messages=iter(self._script.popleft, None))
        self.graph = create_agent(model, self.tools, checkpointer=InMemorySaver())

    def calls(self, name: str, **arguments: Any) -> Any:
        """What starts a run in which the model calls one tool."""
        self._number += 1
        call = {"name": name, "args": arguments, "id": f"call-{self._number}"}
        self._script.clear()
        self._script.extend([AIMessage("", tool_calls=[call]), AIMessage("done")])
        return {"messages": [("user", "go on")]}

    def go(self, name: str, **arguments: Any) -> dict[str, Any]:
        return dict(self.graph.invoke(self.calls(name, **arguments), THREAD))

    def answer(self, said: Any) -> dict[str, Any]:
        """What a person says to a run that waits."""
        return dict(self.graph.invoke(Command(resume=said), THREAD))

    def told(self, name: str, **arguments: Any) -> ToolMessage:
        return last(self.go(name, **arguments))

    def proposed(self) -> str:
        """A plan's name."""
        return str(json.loads(self.told("propose_plan", instruction=GOAL).text)["plan"])


def last(state: dict[str, Any]) -> ToolMessage:
    """What the last tool of a run gave."""
    assert state["messages"][-1].text == "done" and "__interrupt__" not in state
    message = state["messages"][-2]
    assert isinstance(message, ToolMessage)
    return message


def refused(state: dict[str, Any]) -> str:
    message = last(state)
    assert message.status == "error" and "\n" not in message.text
    return str(message.text)


def asked(state: dict[str, Any]) -> dict[str, Any]:
    (found,) = state["__interrupt__"]
    return dict(found.value)


def picture(message: ToolMessage) -> np.ndarray:
    (image,) = (block for block in message.content_blocks if block["type"] == "image")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image["base64"]))))


def test_an_agent_plans_looks_and_acts_once_a_person_says_so(planner: Agent) -> None:
    helper, before = Helper(planner), where(planner)
    plan = helper.proposed()
    seen = picture(helper.told("observe"))
    assert where(planner) == before and np.array_equal(seen, planner.observe()["rgb"])
    assert picture(sheet := helper.told("get_plan", plan=plan)).shape[1] > 8 * 128
    assert json.loads(sheet.text)["plan"] == plan
    question = asked(helper.go("execute_plan", plan=plan))
    assert question["plan"] == plan and question["subgoals"][0] in question["question"]
    assert where(planner) == before, "it waits for a person"
    result = json.loads(last(helper.answer(YES)).text)
    assert result["control_steps"] == SMALL.max_control_steps and where(planner) != before
    assert "approved by Ada" in (Path(result["folder"]) / "events.jsonl").read_text()


def test_without_a_person_s_word_nothing_moves(planner: Agent) -> None:
    helper, before = Helper(planner), where(planner)
    old, plan = helper.proposed(), helper.proposed()
    for said in ({"approve": False, "name": "Ada"}, {"approve": "true", "name": "Ada"}, "yes", True):
        assert asked(helper.go("execute_plan", plan=plan))
        assert "it was not approved" in refused(helper.answer(said))
    assert asked(helper.go("execute_plan", plan=plan))
    assert "expected who approves" in refused(helper.answer({"approve": True}))
    assert "expected the newest one" in refused(helper.go("execute_plan", plan=old)), "nobody is asked"
    (execute,) = (tool for tool in helper.tools if tool.name == "execute_plan")
    assert "expected a graph with a person to ask" in execute.invoke({"plan": plan})
    assert "expected a graph with a person to ask" in asyncio.run(execute.ainvoke({"plan": plan}))
    assert where(planner) == before


def test_what_is_wrong_is_said_and_a_stop_holds(planner: Agent) -> None:
    helper, before = Helper(planner), where(planner)
    assert "expected" in refused(helper.go("propose_plan", instruction="make me a sandwich"))
    assert "expected a plan of this session" in refused(helper.go("get_plan", plan="../etc/passwd"))
    assert "expected a plan of this session" in refused(helper.go("execute_plan", plan="plan-1"))
    plan = helper.proposed()
    assert "a person has to arm" in helper.told("stop", reason="a hand is in the way").text
    assert asked(helper.go("execute_plan", plan=plan))
    assert "a hand is in the way" in refused(helper.answer(YES))
    assert where(planner) == before


def test_a_run_that_is_left_stops_the_robot(planner: Agent) -> None:
    async def go() -> None:
        helper = Helper(planner)
        plan = helper.proposed()
        assert asked(dict(await helper.graph.ainvoke(helper.calls("execute_plan", plan=plan), THREAD)))
        run = asyncio.create_task(helper.graph.ainvoke(Command(resume=YES), THREAD))
        while not planner._robot.sent:
            await asyncio.sleep(0.01)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(go())
    assert 0 < planner._robot.sent < SMALL.max_control_steps
    with pytest.raises(HeldError, match="whoever asked has left"):
        planner.plan(GOAL)
