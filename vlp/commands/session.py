"""One instruction on one board: the checks, the agent, the run folder, and what is said at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, Final

from vlp import __version__
from vlp.commands.folders import open_folder
from vlp.commands.instruction import check_instruction
from vlp.commands.process import print_result, stdout_for_result
from vlp.commands.run import Options
from vlp.errors import InstructionError, ModelError, NoPlanError, UsageError
from vlp.models import Models
from vlp.settings import Settings

if TYPE_CHECKING:
    from planner import Search
    from vlp.agent import Agent
    from vlp.build import Parts
    from vlp.runfolder import RunFolder

_VERSIONED: Final = ("torch", "diffusers", "transformers", "numpy", "pybullet", "gymnasium", "langgraph")

Result = dict[str, Any]


def act(instruction: str, options: Options) -> int:
    """Carry out an instruction; the exit code. Raises NoPlanError where it ended without a plan."""
    with _session(instruction, options) as (agent, folder):
        result = {**agent.run(instruction), "versions": _versions()}
        folder.finish(result)
    _show(result, folder.path, as_json=options.json)
    if agent.failure is not None:
        raise agent.failure
    if str(result["reason"]).startswith("no plan"):
        raise NoPlanError(f"{result['reason']} (all branches: {folder.path / 'report.html'})")
    return 0


def plan(instruction: str, options: Options, *, guarded: bool = True) -> int:
    """Show a plan; the exit code. Without guards it may show what can't be. Raises NoPlanError where there is
    none."""
    from planner import NoPlan

    with _session(instruction, options, guarded=guarded) as (agent, folder):
        try:
            found: Search | NoPlan | ModelError = agent.plan(instruction)
        except (NoPlan, ModelError) as error:
            found = error
        result = _planned(instruction, options.settings(), found, agent)
        folder.finish(result)
    _show(result, folder.path, as_json=options.json)
    if isinstance(found, ModelError):
        raise found
    if isinstance(found, NoPlan):
        raise NoPlanError(f"{found} (all branches: {folder.path / 'report.html'})") from found
    return 0


@contextlib.contextmanager
def _session(
    instruction: str, options: Options, *, guarded: bool = True
) -> Iterator[tuple[Agent, RunFolder]]:
    """An agent on a connected robot. However the block is left, the robot stops and the folder is closed.

    What is cheap to find wrong is looked at before models are loaded and before anything is written.
    """
    from vlp.weights import BUNDLED, verify

    settings, weights, models = options.settings(), options.weights or BUNDLED, options.models()
    check_instruction(instruction, seed=settings.seed)
    verify(weights)
    with (
        stdout_for_result(),
        open_folder(options.out, instruction, settings.seed) as folder,
        _explained(folder.path),
    ):
        parts = _load(weights, settings, models)
        if not guarded:
            parts = replace(parts, guards=(), max_value_gain=None)
        yield from _agent(instruction, settings, parts, folder)


def _load(weights: Path, settings: Settings, models: Models) -> Parts:
    import torch
    from transformers.utils.logging import disable_progress_bar

    from vlp.build import build

    disable_progress_bar()
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device: expected a GPU that torch can use, got none; choose --device cpu or auto")
    return build(
        weights=weights, device=settings.device, sampling_steps=settings.sampling_steps, models=models
    )


def _agent(
    instruction: str, settings: Settings, parts: Parts, folder: RunFolder
) -> Iterator[tuple[Agent, RunFolder]]:
    from executors.robot import SimulatedRobot
    from tasks.grammar import UnknownInstruction
    from vlp.agent import Agent
    from vlp.events import Events
    from vlp.live import LiveView

    events = Events()
    events.subscribe(folder.record)
    robot = SimulatedRobot(instruction, seed=settings.seed, max_steps=settings.max_control_steps)
    robot.connect()
    try:
        with LiveView(control_steps=settings.max_control_steps) as live:
            events.subscribe(live)
            yield Agent(parts, robot, settings, events=events, folder=folder, live=live), folder
    except UnknownInstruction as error:
        raise InstructionError(str(error)) from error
    finally:
        robot.disconnect()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Says where a run that is broken off has left what it has."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        error.add_note(f"the robot has stopped; what there is so far is in {path}")
        raise


def _versions() -> dict[str, str]:
    found = {"python": python_version(), "video-language-planner": __version__}
    for name in _VERSIONED:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _planned(instruction: str, settings: Settings, found: Search | Any, agent: Agent) -> Result:
    """The result of `vlp plan`."""
    steps = found.plan.steps if hasattr(found, "plan") else ()
    return {
        "instruction": instruction,
        "task": getattr(getattr(found, "tree", None), "goal", None),
        "seed": settings.seed,
        "complete": False,
        "reason": "planned only" if steps else str(found),
        "control_steps": 0,
        "decisions": 1,
        "plan": [step.subgoal for step in steps],
        "steps_to_go": [round(step.steps_to_go, 1) for step in steps],
        "settings": settings.as_dict(),
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
