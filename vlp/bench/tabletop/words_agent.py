"""An agent that imagines nothing: a language-conditioned policy acts on words alone."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from executors.follow.frames import PictureConfig
from executors.robot import Robot
from executors.safety.gate import Gate, GateConfig
from executors.tabletop.language_policy import LanguagePolicy, WordsPolicy
from tasks.tabletop.world.limits import LIMITS
from video.latent.pipeline import LatentPipeline
from video.latent.policy.told import ToldPolicy
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.agent.state import State
from vlp.domains.tabletop.build import tabletop
from vlp.events.types import Events
from vlp.models.device import choose_device
from vlp.models.weights import LANGUAGE_POLICY, baseline
from vlp.record.folder import RunFolder
from vlp.settings import Settings

STEPS = 48
"""Control steps acted between two looks at what to do next, as long as a clip."""


class WordsAgent(AgentLoop):
    """The agent with its search replaced. It sees with the same eye, holds still where that shows the goal
    reached, and goes through the same gate.

    Args:
        subgoals: whether the policy is told the likeliest proposal, anew every `STEPS` control steps, or the
            whole instruction throughout.
    """

    def __init__(
        self,
        parts: Parts,
        robot: Robot,
        settings: Settings,
        *,
        events: Events,
        folder: RunFolder,
        subgoals: bool,
        live: Any = None,
    ) -> None:
        super().__init__(parts, robot, settings, events=events, folder=folder, live=live)
        self._words = _words(parts, settings.device)
        self._subgoals, self._gate, self._said = subgoals, Gate(GateConfig(LIMITS)), ""

    def _search(self, state: State) -> State:
        decision = state["decision"] + 1
        self._said = self._text if not self._subgoals else self._proposal(decision)
        # Where nothing can be proposed, the whole instruction is the best there is.
        self._said = self._said or self._text
        return {"go": "act", "decision": decision, "fruitless": 0}

    def _proposal(self, decision: int) -> str:
        start = time.perf_counter()
        seed = self.settings.seed * 1000 + decision
        (found,) = self.parts.proposer.propose(self._frame()[None], self._text, [()], 1, seed=seed)
        self.watch.add("search", time.perf_counter() - start)
        return found[0].text if found else ""

    def _act(self, state: State) -> State:
        start = time.perf_counter()
        for _ in range(STEPS):
            frame = self._frame()
            if self._ended() or self._seen_done():
                break
            action = self._words.action(frame, self._said)
            target = self.robot.get_observation()["effector_target_translation"]
            sent = self.robot.send_action(self._gate.check(self._gate.keep_in(action, target), target))
            self._watch_step(0, action, np.asarray(sent, np.float32), self._frame())
        self.watch.add("acting", time.perf_counter() - start)
        return {"go": "observe"}


class ByWords(Protocol):
    """What acts on words alone."""

    def action(self, frame: NDArray[np.uint8], text: str) -> NDArray[np.float32]:
        """The next action [A] on a picture uint8 [H, W, 3]."""
        ...


class PriorAlone:
    """The action prior of learned weights, which looks as often as where a clip is followed."""

    def __init__(self, pipeline: LatentPipeline) -> None:
        self._policy = ToldPolicy(pipeline)
        self._said, self._next = "", list[NDArray[np.float32]]()

    def action(self, frame: NDArray[np.uint8], text: str) -> NDArray[np.float32]:
        """See ByWords."""
        if text != self._said or not self._next:
            found = self._policy.actions(frame, None, words=text)
            self._said, self._next = text, list(found[: PictureConfig.execute])
        return self._next.pop(0)


def _words(parts: Parts, device: str) -> ByWords:
    """What acts on words beside such parts."""
    if isinstance(parts.video, LatentPipeline):
        return PriorAlone(parts.video)
    own = tabletop(parts)
    policy = _load(baseline(own.folder, LANGUAGE_POLICY), choose_device(device))
    return WordsPolicy(own.probe.encoder, policy)


@lru_cache(maxsize=2)
def _load(folder: Path, device: str) -> LanguagePolicy:
    policy: LanguagePolicy = LanguagePolicy.from_pretrained(folder).to(device)
    return policy
