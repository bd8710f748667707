"""One episode of the protocol, and who measures it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.metaworld.catalog import BY_NAME
from tasks.metaworld.env import SawyerEnv
from tasks.metaworld.expert import expert
from tasks.metaworld.protocol import play
from vlp.bench.code import code_digest
from vlp.bench.line import Line
from vlp.bench.metaworld.actors import Effort, PlanningActor, by_actions, by_clips
from vlp.bench.metaworld.budgets import BLIND, REACTIVE, PlanBudget, budget, clips_of
from vlp.bench.published import PublishedRun
from vlp.domains.metaworld.cloned import ClonedPolicy
from vlp.latent.imagination import Imagination

WIDTH: Final = 4
"""Numbers of an action."""
Actor = Callable[[dict[str, Any]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class SawyerTrial:
    """A method at a layout of a task before a camera."""

    method: str
    budget: str
    task: str
    camera: str
    seed: int

    def line(self, asked: PublishedRun, weights: str) -> Line:
        """What names it in the log."""
        named = clips_of(self.method, asked.clips)
        settings: dict[str, Any] = {
            "track": asked.track,
            "camera": self.camera,
            "budget": self.budget,
            "renderer": asked.renderer,
        }
        if self.method not in REACTIVE:
            settings |= {"clips": named, "sampling_steps": asked.sampling_steps}
        if named > 1:
            settings["choose"] = asked.choose
        if named and self.method != "unipi":
            settings["follow"] = asked.follow
        return {
            "method": self.method,
            "task": self.task,
            "instruction": BY_NAME[self.task].text,
            "seed": self.seed,
            "settings": settings,
            "weights": weights,
            "stop": "simulator",
            "code": code_digest(),
        }  # fmt: skip


class TrialWorker:
    """Plays episodes in one process; keeps models and environments between them."""

    def __init__(self, asked: PublishedRun) -> None:
        self._asked = asked
        self._envs: dict[tuple[str, bool], SawyerEnv] = {}
        self._models: dict[str, Any] = {}

    def run(self, trial: SawyerTrial) -> dict[str, Any]:
        """What was measured."""
        env, effort = self._env(trial), Effort()
        actor = self._actor(trial, env)
        if isinstance(actor, PlanningActor):
            effort = actor.effort
        start = time.perf_counter()
        played = play(env, actor, seed=trial.seed)
        return {
            "success": played.success,
            "held": played.held,
            "control_steps": played.steps,
            "error": played.error,
            "plans": effort.plans,
            "clips": effort.clips,
            "seconds_planning": round(effort.planning, 3),
            "seconds_following": round(effort.following, 3),
            "seconds": round(time.perf_counter() - start, 3),
        }

    def _env(self, trial: SawyerTrial) -> SawyerEnv:
        """The trial's, before its camera; nothing is drawn for those who see no pictures."""
        key = (trial.task, trial.method not in BLIND)
        if key not in self._envs:
            for old in [old for old in self._envs if old[0] != trial.task]:  # tasks come one after another
                self._envs.pop(old).close()
            self._envs[key] = SawyerEnv(trial.task, fast=self._asked.renderer == "fast", pictures=key[1])
        self._envs[key].camera = trial.camera
        return self._envs[key]

    def _actor(self, trial: SawyerTrial, env: SawyerEnv) -> Actor:
        words, rng = BY_NAME[trial.task].text, np.random.default_rng(trial.seed)
        if trial.method == "expert":
            script = expert(trial.task)
            return lambda _: script(env)
        if trial.method == "random":
            return lambda _: rng.uniform(-1, 1, WIDTH).astype(np.float32)
        if trial.method == "bc":
            policy = self._cloned()
            return lambda seen: np.clip(policy.action(seen["rgb"], words), -1, 1)
        return self._planning(trial, words)

    def _planning(self, trial: SawyerTrial, words: str) -> PlanningActor:
        asked, imagination = self._asked, self._imagination()
        allowed = budget(trial.method, trial.budget, asked.clips) or PlanBudget()
        if trial.method == "act":
            return PlanningActor(by_actions(imagination, words, seed=trial.seed), allowed)
        clips = clips_of(trial.method, asked.clips)
        by = "blind" if trial.method == "unipi" else asked.follow
        plan = by_clips(imagination, words, clips=clips, choose=asked.choose, seed=trial.seed, by=by)
        return PlanningActor(plan, allowed)

    def _imagination(self) -> Imagination:
        if "ours" not in self._models:
            asked = self._asked
            self._models["ours"] = Imagination.load(
                asked.models, device=asked.device, steps=asked.sampling_steps, width=WIDTH
            )
        found: Imagination = self._models["ours"]
        return found

    def _cloned(self) -> ClonedPolicy:
        if "bc" not in self._models:
            self._models["bc"] = ClonedPolicy.from_pretrained(Path(str(self._asked.bc))).eval()
        found: ClonedPolicy = self._models["bc"]
        return found
