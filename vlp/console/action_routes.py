"""Routes of what an operator may do: begin, answer, stop, arm again, go on."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI, Form

from vlp.agent.approval import Answer
from vlp.console.desk import Desk
from vlp.console.history import run_of
from vlp.console.runner import Runner
from vlp.errors import UsageError
from vlp.settings import Approve

MOST_DIGITS: Final = 40
"""Of a number; Python refuses to read one of thousands."""
STOPPING: Final = CapacityLimiter(math.inf)
"""Threads that stop: as many as are asked for, and none does anything else."""
Say = Literal["approve", "pick", "reject", "edit", "stop"]


def add_actions(app: FastAPI, runner: Runner, desk: Desk) -> None:
    """The routes."""

    @app.post("/runs", status_code=204)
    def begin(
        instruction: Annotated[str, Form()] = "",
        seed: Annotated[str, Form()] = "0",
        rules: Annotated[str, Form()] = "",
        approve: Annotated[str, Form()] = "ask",
    ) -> None:
        said = [rule.strip() for rule in rules.splitlines() if rule.strip()]
        runner.begin(instruction, seed=_number("seed", seed), rules=said, approve=_approve(approve))

    @app.post("/runs/{name}/resume", status_code=204)
    def resume(name: str) -> None:
        runner.resume(run_of(runner.root, name))

    @app.post("/runs/{name}/rearm", status_code=204)
    def rearm(name: str) -> None:
        runner.rearm(run_of(runner.root, name))

    @app.post("/arm", status_code=204)
    def rearm_robot() -> None:
        runner.rearm()

    @app.post("/runs/{name}/stop", status_code=204)
    async def stop_one(name: str) -> None:
        def work() -> None:
            runner.stop_one(run_of(runner.root, name), "stopped by the operator at the console")
            desk.touch("history")

        await run_sync(work, limiter=STOPPING)

    @app.post("/stop", status_code=204)
    async def stop(reason: Annotated[str, Form()] = "") -> None:
        words = reason.strip() or "stopped by the operator"
        await run_sync(runner.stop, words, limiter=STOPPING)

    @app.post("/answer", status_code=204)
    def answer(
        run: Annotated[str, Form()],
        decision: Annotated[int, Form()],
        say: Annotated[Say, Form()],
        node: Annotated[int | None, Form()] = None,
        words: Annotated[str, Form()] = "",
        name: Annotated[str, Form()] = "",
    ) -> None:
        desk.answer(run, decision, _answer(say, node, words.strip(), name.strip()))


def _answer(say: Say, node: int | None, words: str, name: str) -> Answer:
    """The operator's answer. Raises UsageError for one that lacks something."""
    if say == "approve":
        return Answer.approve(name or "the operator at the console")
    if say == "stop":
        return Answer.stop(words or "ended by the operator")
    if node is None:
        raise UsageError(f"{say}: expected a branch, got none; choose one in the tree")
    if say == "pick":
        return Answer.pick(node)
    if not words:
        needed = "the reason" if say == "reject" else "what it is to say instead"
        raise UsageError(f"{say}: expected {needed}, got nothing; write it beside the buttons")
    return Answer.reject({node: words}) if say == "reject" else Answer.edit(node, words)


def _number(name: str, text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS):
        raise UsageError(f"{name}: expected a whole number, got {text!r:.40}; write one such as 0")
    return int(digits)


def _approve(text: str) -> Approve:
    if text == "ask":
        return "ask"
    if text == "auto":
        return "auto"
    raise UsageError(f"approve: expected ask or auto, got {text!r:.40}; choose one of these")
