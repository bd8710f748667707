"""The tools for openai-agents, driven by its runner; the model is a scripted server on the loopback."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import agents
import numpy as np
import pytest
from agents import FunctionTool, OpenAIChatCompletionsModel, RunConfig, Runner, RunResult, RunState
from agents.items import ToolCallOutputItem
from agents.tool_context import ToolContext
from openai import AsyncOpenAI
from PIL import Image

from tests.vlp.small import GOAL, SMALL
from vlp import Agent
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import build
from vlp.errors import HeldError
from vlp.tools.openai_agents import planner_tools
from vlp.tools.plans import TOOLS
from vlp.vlm.hosted.fakes import Body, ChatServer, reply

QUIET = RunConfig(tracing_disabled=True)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


@pytest.fixture
def planner(parts: Parts, tmp_path: Path) -> Iterator[Agent]:
    with Agent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path / "runs", parts=parts) as agent:
        yield agent


def where(planner: Agent) -> list[float]:
    return [float(x) for x in planner.observe()["effector_target_translation"]]


class Helper:
    """An agent with the tools, whose model calls what it is told to, then is done. A context manager."""

    def __init__(self, planner: Agent) -> None:
        self._calls: deque[tuple[str, dict[str, Any]]] = deque()
        self._server = ChatServer(self._answer)
        self._client = AsyncOpenAI(base_url=self._server.url, api_key="none", max_retries=0)
        self.tools = planner_tools(planner, approver="Ada")
        self._agent = agents.Agent(
            name="helper", tools=self.tools, model=OpenAIChatCompletionsModel("fake", self._client)
        )

    def _answer(self, request: Body) -> Body:
        assert {tool["function"]["name"] for tool in request["tools"]} == set(TOOLS)
        if not self._calls:
            return reply("done")
        name, arguments = self._calls.popleft()
        said = json.loads(json.dumps(reply("")))
        call = {"name": name, "arguments": json.dumps(arguments)}
        number = f"call-{len(self._server.requests)}"
        said["choices"][0]["message"]["tool_calls"] = [{"id": number, "type": "function", "function": call}]
        return said  # type: ignore[no-any-return]

    async def __aenter__(self) -> Helper:
        self._server.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        self._server.__exit__(None, None, None)

    async def go(self, name: str, **arguments: Any) -> RunResult:
        """A run in which the model calls one tool."""
        self._calls.append((name, arguments))
        return await Runner.run(self._agent, "go on", run_config=QUIET)

    async def go_on(self, state: RunState[Any, Any]) -> RunResult:
        """On from a state that was kept meanwhile, as where a person takes their time."""
        kept = await RunState.from_string(self._agent, state.to_string())
        return await Runner.run(self._agent, kept, run_config=QUIET)

    async def told(self, name: str, **arguments: Any) -> str:
        return words(await self.go(name, **arguments))

    async def proposed(self) -> str:
        """A plan's name."""
        return str(json.loads(await self.told("propose_plan", instruction=GOAL))["plan"])


def outputs(result: RunResult) -> list[Any]:
    """What the tools of a run gave, each one output or a list of them."""
    assert result.final_output == "done", "the run comes to its end"
    return [item.output for item in result.new_items if isinstance(item, ToolCallOutputItem)]


def words(result: RunResult) -> str:
    (found,) = outputs(result)
    return str(found)


def picture(result: RunResult) -> np.ndarray:
    ((_, image),) = outputs(result)
    assert image.image_url.startswith("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image.image_url.split(",")[1]))))


def paused(result: RunResult) -> RunState[Any, Any]:
    """The state of a run that asks a person for the call of a plan."""
    (call,) = result.interruptions
    assert call.tool_name == "execute_plan" and "plan-1" in str(call.arguments)
    return result.to_state()


def test_an_agent_plans_looks_and_acts_once_a_person_says_so(planner: Agent) -> None:
    async def go() -> None:
        async with Helper(planner) as helper:
            before = where(planner)
            plan = await helper.proposed()
            seen = picture(await helper.go("observe"))
            assert where(planner) == before and np.array_equal(seen, planner.observe()["rgb"])
            assert picture(await helper.go("get_plan", plan=plan)).shape[1] > 8 * 128
            waiting = await helper.go("execute_plan", plan=plan)
            state = paused(waiting)
            assert where(planner) == before, "it waits for a person"
            state.approve(waiting.interruptions[0])
            result = json.loads(words(await helper.go_on(state)))
        assert result["control_steps"] == SMALL.max_control_steps and where(planner) != before
        assert "approved by Ada" in (Path(result["folder"]) / "events.jsonl").read_text()

    asyncio.run(go())


def test_without_a_person_s_word_nothing_moves(planner: Agent) -> None:
    async def go() -> None:
        async with Helper(planner) as helper:
            before = where(planner)
            plan = await helper.proposed()
            waiting = await helper.go("execute_plan", plan=plan)
            state = paused(waiting)
            state.reject(waiting.interruptions[0], rejection_message="a hand is in the way")
            assert words(await helper.go_on(state)) == "a hand is in the way"
            (execute,) = (tool for tool in helper.tools if tool.name == "execute_plan")
            assert isinstance(execute, FunctionTool)
            said = json.dumps({"plan": plan})
            alone = ToolContext(None, tool_name="execute_plan", tool_call_id="mine", tool_arguments=said)
            assert "it was not approved" in await execute.on_invoke_tool(alone, said)
            execute.needs_approval = False
            assert "it was not approved" in await helper.told("execute_plan", plan=plan)
        assert where(planner) == before

    asyncio.run(go())


def test_an_approval_of_all_calls_to_come_is_none(planner: Agent) -> None:
    async def go() -> None:
        async with Helper(planner) as helper:
            before = where(planner)
            waiting = await helper.go("execute_plan", plan=await helper.proposed())
            state = paused(waiting)
            state.approve(waiting.interruptions[0], always_approve=True)
            assert "approve without always_approve" in words(await helper.go_on(state))
        assert where(planner) == before

    asyncio.run(go())


def test_what_is_wrong_is_said_and_a_stop_holds(planner: Agent) -> None:
    async def go() -> None:
        async with Helper(planner) as helper:
            before = where(planner)
            assert "expected words that I know" in await helper.told(
                "propose_plan", instruction="make me a sandwich"
            )
            assert "expected a plan of this session" in await helper.told("get_plan", plan="../etc/passwd")
            plan = await helper.proposed()
            assert "a person has to arm" in await helper.told("stop", reason="a hand is in the way")
            waiting = await helper.go("execute_plan", plan=plan)
            state = paused(waiting)
            state.approve(waiting.interruptions[0])
            assert "a hand is in the way" in words(await helper.go_on(state))
        assert where(planner) == before

    asyncio.run(go())


def test_a_run_that_is_left_stops_the_robot(planner: Agent) -> None:
    async def go() -> None:
        async with Helper(planner) as helper:
            waiting = await helper.go("execute_plan", plan=await helper.proposed())
            state = paused(waiting)
            state.approve(waiting.interruptions[0])
            run = asyncio.create_task(helper.go_on(state))
            while not planner._robot.sent:
                await asyncio.sleep(0.01)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run

    asyncio.run(go())
    assert 0 < planner._robot.sent < SMALL.max_control_steps
    with pytest.raises(HeldError, match="whoever asked has left"):
        planner.plan(GOAL)
