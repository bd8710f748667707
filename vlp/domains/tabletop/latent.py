"""The tabletop seen by learned models: only its words and its robot are its own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.domain import UnknownInstruction
from tasks.tabletop.demos.acting import CorrectedPolicy
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.limits import LIMITS
from video.latent.policy.policy import FOLDER as POLICY
from vlp.agent.parts import Parts
from vlp.errors import UsageError
from vlp.latent.build import latent_parts
from vlp.latent.folder import STEPS
from vlp.latent.imagination import Imagination
from vlp.latent.sight import SURE, as_said
from vlp.models.chosen import Models
from vlp.vlm.latent.vlm import LatentVLM

PROPOSED = 4
"""Subgoals among which one that acts alone draws."""


def learned(folder: Path, *, device: str, sampling_steps: int, models: Models | None) -> Parts:
    """Parts of a folder of learned weights. Raises WeightsError and UsageError."""
    if models not in (None, Models()):
        raise UsageError("models: expected learned models alone, got --vlm or --video too; leave those out")
    return latent_parts(folder, LIMITS, device=device, sampling_steps=sampling_steps, read=read)


def read(words: str) -> str:
    """A goal in the words of the demonstrations, or as it was said. Nobody here sees which blocks there are,
    so all that exist are taken to be there, and none is anywhere. Raises UnknownInstruction."""
    somewhere = {kind: np.zeros(2) for kind in KINDS}
    try:
        goal = understand(words, somewhere)
    except UnknownInstruction:
        raise
    except ValueError:  # what does not fit for all blocks at once may for those that are there
        return as_said(words)
    return goal.plain if isinstance(goal, ProgramGoal) else goal.text


def heeds_words_alone(folder: Path) -> bool:
    """Whether nothing in a folder of learned weights acts by what it is shown."""
    return not (folder / POLICY).is_dir()


def acting(folder: Path | None, *, by: Literal["policy", "prior"] = "policy") -> CorrectedPolicy:
    """The policy of a folder of learned weights, or the action prior of their model, which heeds words alone
    and acts where there is neither a policy nor the whole network. Raises WeightsError and UsageError."""
    if folder is None:
        raise UsageError("models: expected --models PATH, whose policy is corrected, got none; choose one")
    imagination = Imagination.load(folder, device="cpu", steps=STEPS, width=LIMITS.size, imagines=False)
    if by == "prior":
        return lambda frame, wanted, words: imagination.likely(frame[None], [words])[0]
    if imagination.policy is None:
        raise UsageError(f"models: expected a policy of `vlp train world-policy` in {folder}, got none")
    return lambda frame, wanted, words: imagination.reach(frame, wanted, words=words)


class ToldAgent:
    """Acts on long tasks without imagining anything: see tasks.tabletop.demos.own.LoneAgent."""

    def __init__(self, imagination: Imagination, vlm: LatentVLM) -> None:
        self._imagination, self._vlm = imagination, vlm

    def next(self, frame: NDArray[np.uint8], goal: str, seed: int) -> str:
        """One of what is proposed, the likelier the oftener; where nothing is, what was asked."""
        found = self._imagination.propose(frame[None], goal, PROPOSED, seed=seed)[0]
        if not found:
            return goal
        likely = np.array([each.probability for each in found])
        return found[int(np.random.default_rng(seed).choice(len(found), p=likely / likely.sum()))].text

    def actions(self, frame: NDArray[np.uint8], words: str) -> NDArray[np.float32]:
        """What the action prior makes likely."""
        return np.asarray(self._imagination.likely(frame[None], [words])[0], np.float32)

    def over(self, begun: NDArray[np.uint8], now: NDArray[np.uint8], words: str) -> bool:
        """As what tells when a subgoal is over says."""
        return self._imagination.is_over(begun, now, words)

    def hears(self, goal: str) -> bool:
        """Whether a goal's words are read to their end."""
        return not self._vlm.unread(goal)

    def reached(self, frame: NDArray[np.uint8], goal: str) -> bool:
        """Whether the VLM surely says so, as in `vlp.latent.sight`."""
        return self._vlm.chance(frame, goal) >= SURE


def alone(folder: Path | None) -> ToldAgent:
    """What acts by itself on long tasks, of a folder of learned weights. Raises WeightsError and
    UsageError."""
    if folder is None:
        raise UsageError("models: expected --models PATH, which acts by itself, got none; choose one")
    imagination = Imagination.load(folder, device="cpu", steps=STEPS, width=LIMITS.size, imagines=False)
    if imagination.vlm is None or imagination.bundle.termination is None:
        raise UsageError(
            f"models: expected a VLM and what tells when a subgoal is over in {folder}, got none; train "
            "vlp train world-vlm, and vlp train world on subgoals that end"
        )
    return ToldAgent(imagination, imagination.vlm)
