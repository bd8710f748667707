"""Run of one instruction on one board: the agent on its robot, and what is said at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from shlex import quote
from typing import Any, Final

import numpy as np
import torch
from transformers.utils.logging import disable_progress_bar

from executors.safety.faults import HoldError
from planner import NoPlan, Search
from tasks.domain import UnknownInstruction, readings_of
from vlp import __version__
from vlp.agent.agent import AgentLoop
from vlp.agent.ambiguity import not_sure
from vlp.agent.graph import WAITS, Ask
from vlp.agent.parts import Parts
from vlp.agent.watcher import Follow, WatchedRobot
from vlp.domains.base import domain
from vlp.durable.keeping import Keeping
from vlp.durable.names import FILE, ROBOT
from vlp.durable.postgres import checkpoints
from vlp.durable.store import Store
from vlp.errors import HeldError, InstructionError, ModelError, NoPlanError, UsageError
from vlp.events.types import Events
from vlp.getting_ready import getting_ready
from vlp.process import print_result
from vlp.record.folder import RunFolder
from vlp.session import words
from vlp.session.drive import driven, held
from vlp.session.options import keep_run
from vlp.session.request import PlannerOptions, PlanRequest, Request, RunRequest
from vlp.settings import Waits

_VERSIONED: Final = ("torch", "diffusers", "transformers", "numpy", "pybullet", "gymnasium", "langgraph")

Result = dict[str, Any]


PLANNED: Final = "planned only"

Conclude = Callable[[], int]
"""Says how a run ended, once its folder is closed: the exit code."""


def run(options: RunRequest, folder: RunFolder, follow: Follow) -> Conclude:
    """A new run, followed by `follow`."""
    with Store(folder.path / FILE) as store:
        parts = load(options)
        keep_run(store, options, parts.hashes)
        keeping = Keeping(store, checkpoints=checkpoints(options.checkpoints))
        return carry_out(options, parts, folder, keeping, follow)


def carry_out(
    options: RunRequest,
    parts: Parts,
    folder: RunFolder,
    keeping: Keeping,
    follow: Follow,
    *,
    since: float = 0.0,
) -> Conclude:
    """Run the agent, or let it go on. `since`: seconds that the run has had already."""
    with _agent(options, parts, folder, follow, keeping=keeping, approve=options.approve, since=since) as (
        agent,
        ask,
    ):
        result = {**agent.run(options.instruction, ask), "versions": _versions()}
    status = "waiting" if result["reason"] == WAITS else "finished" if agent.failure is None else "held"
    folder.finish({"status": status, **result})
    return partial(_conclude, options, folder.path, result, agent.failure)


def _conclude(options: RunRequest, path: Path, result: Result, failure: ModelError | HoldError | None) -> int:
    """Show the result; the exit code. Raises what the run ended with, where it did not end by itself."""
    _show(result, path, as_json=options.json)
    if isinstance(failure, ModelError):
        raise failure
    if failure is not None:
        raise HeldError(f"{failure}; nothing was sent since; mend it, then vlp resume {quote(str(path))}")
    if result["reason"] == WAITS:
        raise HeldError(f"the plan waits for an operator: vlp resume {quote(str(path))}")
    if str(result["reason"]).startswith("no plan"):
        raise NoPlanError(f"{result['reason']} (all branches: {path / 'report.html'})")
    return 0


def plan_only(options: PlanRequest, folder: RunFolder, follow: Follow) -> Conclude:
    """A plan, of which nothing is acted on. Without guards it may show what can't be."""
    parts = load(options)
    if options.guards == "off":
        parts = replace(parts, guards=(), close_guards=(), max_value_gain=None)
    with _agent(options, parts, folder, follow) as (agent, _):
        try:
            found: Search | NoPlan | ModelError = agent.plan(options.instruction)
        except (NoPlan, ModelError) as error:
            found = error
        result = _planned(options, found, agent)
    folder.finish(result)
    return partial(_conclude_plan, options, folder.path, result, found)


def _conclude_plan(
    options: PlanRequest, path: Path, result: Result, found: Search | NoPlan | ModelError
) -> int:
    """Show the plan; the exit code. Raises NoPlanError where there is none."""
    _show(result, path, as_json=options.json)
    if isinstance(found, ModelError):
        raise found
    if isinstance(found, NoPlan):
        raise NoPlanError(f"{found} (all branches: {path / 'report.html'})") from found
    if result["reason"] != PLANNED:
        raise NoPlanError(f"{result['reason']} (all branches: {path / 'report.html'})")
    return 0


def load(options: PlannerOptions) -> Parts:
    """All that the agent is made of. Raises UsageError and WeightsError."""
    settings = options.settings()
    disable_progress_bar()
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device: expected a GPU that torch can use, got none; choose --device cpu or auto")
    with getting_ready("loading models"):
        return domain(options.world).parts(
            weights=options.weights,
            device=settings.device,
            sampling_steps=settings.sampling_steps,
            models=options.models(),
        )


@contextlib.contextmanager
def _agent(
    options: Request,
    parts: Parts,
    folder: RunFolder,
    follow: Follow,
    *,
    keeping: Keeping | None = None,
    approve: Waits = "auto",
    since: float = 0.0,
) -> Iterator[tuple[AgentLoop, Ask]]:
    """An agent on a connected robot, which is let go however the block is left; and who is asked."""
    settings, keeping, events = options.settings(), keeping or Keeping(), Events(since)
    events.subscribe(folder.record)
    world = domain(options.world)
    inner = world.robot(words.scored(options), seed=settings.seed, max_steps=settings.max_control_steps)
    place = folder.path / ROBOT
    with (
        held(),
        driven(keeping.robot(inner), place, parts.limits, parts.view) as safe,
        follow(parts, folder.path) as watcher,
    ):
        robot = WatchedRobot(safe, watcher.seen)
        watcher.began(folder.path)
        events.subscribe(watcher)
        robot.connect()
        try:
            seen = parts.sight.scene(np.asarray(robot.get_observation()["rgb"]))
            rules = world.read_rules(options.rule, sorted(seen))
            yield AgentLoop(
                world.under_rules(parts, rules), robot, settings, events=events, folder=folder, live=watcher,
                approve=approve, keeping=keeping,
             ), watcher.ask  # fmt: skip
        except UnknownInstruction as error:
            raise InstructionError(world.refusal(error, seen), readings_of(error)) from error
        finally:
            robot.disconnect()


def _versions() -> dict[str, str]:
    found = {"python": python_version(), "video-language-planner": __version__}
    for name in _VERSIONED:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _planned(options: PlanRequest, found: Search | Any, agent: AgentLoop) -> Result:
    """The result of `vlp plan`."""
    steps = found.plan.steps if hasattr(found, "plan") else ()
    return {
        "instruction": options.instruction,
        "task": getattr(getattr(found, "tree", None), "goal", None),
        "seed": options.seed,
        "complete": False,
        "reason": (not_sure(found, options.min_confidence) or PLANNED) if steps else str(found),
        "control_steps": 0,
        "decisions": 1,
        "plan": [step.subgoal for step in steps],
        "steps_to_go": [round(step.steps_to_go, 1) for step in steps],
        "expected_success": getattr(found, "expected_success", None),
        "settings": options.settings().as_dict(),
        "models": agent.parts.hashes,
        "models_used": agent.accounts.as_list(),
        "versions": _versions(),
    }


def _show(result: Result, path: Path, *, as_json: bool) -> None:
    """The result as one line of JSON, or in words."""
    if as_json:
        print_result({**result, "folder": str(path)})
        return
    for number, subgoal in enumerate(result["plan"], 1):
        print(f"{number}. {subgoal}")
    score = f", score {result['score']:.3g}" if result.get("score") is not None else ""
    print(f"{result['reason']} after {result['control_steps']} control steps{score}")
    print(f"report: {path / 'report.html'}")
