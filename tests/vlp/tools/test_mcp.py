"""`vlp mcp` as another agent meets it: the real client of the MCP library, over stdin and stdout."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from mcp import Client, StdioServerParameters
from mcp_types import ElicitResult
from PIL import Image

from tests.conftest import Vlp
from tests.forked import Forks
from vlp.models.weights import BUNDLED, write_manifest
from vlp.tools.plans import LOOKS, TOOLS

GOAL = "group the blocks by color"
SMALL = (
    "--seed", "1000002", "--beams", "1", "--language-branches", "2", "--video-branches", "2",
    "--max-control-steps", "20", "--device", "cpu", "--rule", "never move the green cube",
)  # fmt: skip


def talk(
    forks: Forks,
    environment: dict[str, str],
    out: Path,
    what: Callable[[Client], Awaitable[None]],
    answer: dict[str, Any] | None = None,
    *options: str,
) -> None:
    """Let a client that answers so (or has nobody to ask) talk to a server of its own."""

    async def answering(context: object, params: object) -> ElicitResult:
        assert answer is not None
        return ElicitResult(**answer)

    async def run() -> None:
        parameters = StdioServerParameters(
            command=forks.command[0],
            args=[*forks.command[1:], "mcp", *SMALL, "--out", str(out), *options],
            env=environment,
        )
        async with Client(parameters, elicitation_callback=None if answer is None else answering) as client:
            await what(client)

    asyncio.run(run())


async def told(client: Client, tool: str, hear: Any = None, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments, progress_callback=hear)
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)  # type: ignore[union-attr, no-any-return]


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


async def seen(client: Client) -> np.ndarray:
    (picture,) = (await client.call_tool("observe", {})).content
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.data))))  # type: ignore[union-attr]


def frames_of(film: Any) -> int:
    with av.open(io.BytesIO(base64.b64decode(film.blob)), "r") as video:
        return len(list(video.decode(video=0)))


YES = {"action": "accept", "content": {"approve": True, "name": "Ada"}}


def test_an_agent_plans_looks_and_acts_once_a_person_says_so(
    forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    heard: list[str] = []

    async def hear(progress: float, total: float | None, words: str | None) -> None:
        heard.append(words or "")

    async def what(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == set(TOOLS)
        before = await seen(client)
        plan = await told(client, "propose_plan", hear, instruction=GOAL)
        assert any(words.startswith("level 1: judging") for words in heard), heard
        assert plan["subgoals"] and np.array_equal(await seen(client), before), "nothing moves"
        words, shown = (await client.call_tool("get_plan", {"plan": plan["plan"]})).content
        assert json.loads(words.text) == plan  # type: ignore[union-attr]
        sheet = (await client.read_resource(plan["contact_sheet"])).contents[0]
        assert shown.mime_type == "image/png" and shown.data == sheet.blob  # type: ignore[union-attr]
        picture = Image.open(io.BytesIO(base64.b64decode(sheet.blob)))  # type: ignore[union-attr]
        assert picture.width > 8 * 128 and picture.height >= 96 * len(plan["subgoals"])
        film = (await client.read_resource(plan["video"])).contents[0]
        assert frames_of(film) == 1 + 8 * len(plan["subgoals"])
        heard.clear()
        result = await told(client, "execute_plan", hear, plan=plan["plan"])
        assert any("control steps" in words for words in heard)
        assert result["control_steps"] > 0 and not np.array_equal(await seen(client), before)
        assert "approved by Ada" in (Path(result["folder"]) / "events.jsonl").read_text()
        assert result["reason"] == "out of control steps" and result["next_plan"] is None
        assert "propose_plan" in result["next"]

    talk(forks, environment, tmp_path / "mcp", what, YES)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "a person to ask"),
        ({"action": "accept", "content": {"approve": False}}, "was not approved"),
    ],
)
def test_without_a_person_s_word_nothing_moves(
    forks: Forks, environment: dict[str, str], tmp_path: Path, answer: dict[str, Any] | None, words: str
) -> None:
    async def what(client: Client) -> None:
        before = await seen(client)
        plan = await told(client, "propose_plan", instruction=GOAL)
        assert words in await refused(client, "execute_plan", plan=plan["plan"])
        assert np.array_equal(await seen(client), before)

    talk(forks, environment, tmp_path / "mcp", what, answer)


def test_what_is_wrong_is_said_and_a_stop_holds(
    forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    async def what(client: Client) -> None:
        before = await seen(client)
        said = await refused(client, "propose_plan", instruction="make me a sandwich")
        assert "known tasks: " in said and GOAL in said and "blocks: blue cube, " in said
        forbidden = "push the green cube to the top left corner"
        assert "asks to move the green cube" in await refused(client, "propose_plan", instruction=forbidden)
        assert "expected a plan of this session" in await refused(client, "get_plan", plan="../../etc/passwd")
        plan = await told(client, "propose_plan", instruction=GOAL)
        stopped = await client.call_tool("stop", {"reason": "a hand is in the way"})
        assert not stopped.is_error
        assert "a hand is in the way" in await refused(client, "execute_plan", plan=plan["plan"])
        assert np.array_equal(await seen(client), before)

    talk(forks, environment, tmp_path / "mcp", what, YES)
    # The stop outlives the server, and no tool takes it away.
    talk(forks, environment, tmp_path / "mcp", still_stopped, YES)


async def still_stopped(client: Client) -> None:
    assert "a hand is in the way" in await refused(client, "propose_plan", instruction=GOAL)


def test_a_plan_is_changed_before_it_is_acted_on(
    forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    async def what(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        hints = {name: tool.annotations for name, tool in tools.items()}
        assert {name for name, hint in hints.items() if hint and hint.read_only_hint} == set(LOOKS)
        assert {name for name, hint in hints.items() if hint and hint.destructive_hint} == {"execute_plan"}
        tasks = await told(client, "list_tasks")
        assert GOAL in tasks["tasks"] and "red moon" in tasks["blocks"]
        assert tasks["rules"] == ["never move the green cube"]
        before = await seen(client)
        first = await told(client, "propose_plan", instruction=GOAL)
        other = next(
            branch["branch"]
            for branch in first["branches"]
            if branch["level"] == 1 and branch["state"] in ("dropped", "kept")
        )
        picked = await told(client, "pick_branch", plan=first["plan"], branch=other)
        assert {"branch": other, "state": "in the plan"}.items() <= picked["branches"][0].items()
        said = await refused(client, "pick_branch", plan=first["plan"], branch=other)
        assert f"expected the newest one, {picked['plan']}" in said
        here = {"plan": picked["plan"], "branch": other}
        assert "say one push, such as" in await refused(client, "edit_branch", **here, words="dance")
        assert "expected a reason" in await refused(client, "reject_branch", **here, why=" ")
        assert "branch: expected 0 to" in await refused(client, "pick_branch", **{**here, "branch": 9999})
        assert "newest one" in await refused(client, "execute_plan", plan=first["plan"])
        words = "push the blue cube to the center of the board"
        edited = await told(client, "edit_branch", **here, words=words)
        assert edited["subgoals"][0] == words
        root = edited["branches"][0]["branch"]
        plan = await told(client, "reject_branch", plan=edited["plan"], branch=root, why="it is in the way")
        assert plan["subgoals"][0] != words and np.array_equal(await seen(client), before)
        result = await told(client, "execute_plan", plan=plan["plan"])
        assert result["reason"] == "waits for an operator" and result["next_plan"] in result["next"]
        after = await told(client, "execute_plan", plan=result["next_plan"])
        assert after["control_steps"] > result["control_steps"]

    talk(forks, environment, tmp_path / "mcp", what, YES, "--max-control-steps", "400", "--horizon", "1")


def test_the_handshake_waits_for_no_model(forks: Forks, environment: dict[str, str], tmp_path: Path) -> None:
    """Weights that are whole but can't be loaded are met by the first call, not by the client's greeting."""
    broken = tmp_path / "weights"
    shutil.copytree(BUNDLED, broken)
    (broken / "perception" / "config.json").write_text("{")
    write_manifest(broken)

    async def what(client: Client) -> None:
        assert {tool.name for tool in (await client.list_tools()).tools} == set(TOOLS)
        assert "a person has to arm" in (await client.call_tool("stop", {"reason": "halt"})).content[0].text  # type: ignore[union-attr]
        assert (await client.call_tool("observe", {})).is_error

    talk(forks, environment, tmp_path / "mcp", what, YES, "--weights", str(broken))
    assert "halt" in (tmp_path / "mcp" / "robot" / "stopped.json").read_text()


def test_options_that_make_no_sense(vlp: Vlp) -> None:
    done = vlp("mcp", "--beams", "0")
    assert done.returncode == 2 and "beams" in done.stderr
    done = vlp("mcp", "--vlm", "nowhere")
    assert done.returncode == 2 and "nowhere" in done.stderr
