"""Meta-World as a world for the agent: a simulated arm at eleven tasks, learned from pixels and words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlp.domains.base import Wording
from vlp.errors import InstructionError, UsageError

if TYPE_CHECKING:
    from executors.robot import Robot
    from tasks.domain import Language, Rules
    from vlp.agent.parts import Parts
    from vlp.models.chosen import Models
    from vlp.models.weights import Hashes

_ABOUT = "a simulated arm at eleven tasks of Meta-World, learned from pixels; needs --models"


class MetaWorld:
    """See vlp.domains.base.Domain."""

    name = "metaworld"
    wording = Wording(
        does="Plans an arm's work at doors, buttons, faucets, a hammer and a ball",
        scene="layout",
        place="table",
        things="things",
        offers="tasks",
        instruction="open the door",
        subgoal="open the door",
        rule="none",
    )

    @property
    def summary(self) -> str:
        """Says what is missing, too."""
        from tasks.metaworld.available import missing

        why = missing()
        return _ABOUT if why is None else f"{_ABOUT} (does not run here: {why})"

    def _check_available(self) -> None:
        from tasks.metaworld.available import missing

        if why := missing():
            raise UsageError(f"world: {why}")

    def check(self, instruction: str, *, seed: int, rules: Sequence[str]) -> None:
        from tasks.domain import UnknownInstruction
        from tasks.metaworld.catalog import understand

        self._check_available()
        self.check_rules(rules, seed=seed)
        try:
            understand(instruction)
        except UnknownInstruction as error:
            raise InstructionError(self.refusal(error, ())) from None

    def check_rules(self, rules: Sequence[str], *, seed: int) -> None:
        self.read_rules(rules, ())

    def check_subgoal(self, words: str) -> None:
        from vlp.domains.metaworld.sight import check_subgoal

        check_subgoal(words)

    def read_rules(self, rules: Sequence[str], names: Sequence[str]) -> Rules:
        if rules:
            raise InstructionError(f"rule: expected none in this world, got {rules[0]!r:.60}; leave it out")
        return ()

    def under_rules(self, parts: Parts, rules: Rules) -> Parts:
        return parts

    def refusal(self, error: Exception, names: Collection[str]) -> str:
        return f"instruction: {error}; known tasks: {'; '.join(self.offers()['tasks'])}"

    def offers(self) -> Mapping[str, Sequence[str]]:
        from tasks.metaworld.catalog import TASKS

        return {"tasks": [task.text for task in TASKS]}

    def words_of(self, name: str) -> str:
        return name

    def language(self) -> Language:
        from vlp.domains.metaworld.sight import LANGUAGE

        return LANGUAGE

    def verify(self, weights: Path | None) -> Hashes:
        from vlp.latent.imagination import hashes

        return hashes(weights)

    def parts(
        self, *, weights: Path | None, device: str, sampling_steps: int, models: Models | None
    ) -> Parts:
        from vlp.domains.metaworld.build import build

        self._check_available()
        return build(weights, device=device, sampling_steps=sampling_steps, models=models)

    def robot(self, instruction: str | None, *, seed: int, max_steps: int) -> Robot:
        from executors.metaworld.robot import SawyerRobot
        from executors.wrapped import WrappedRobot
        from tasks.metaworld.catalog import TASKS, understand

        self._check_available()
        task = TASKS[0] if instruction is None else understand(instruction)
        return WrappedRobot(SawyerRobot(task, seed=seed, max_steps=max_steps))

    def train(self, part: str, **options: Any) -> Mapping[str, Any]:
        from vlp.domains.metaworld.jobs import train

        return train(part, **options)

    def collect(self, out: Path, **options: Any) -> int:
        from tasks.metaworld.collect import SAWYER_KINDS, collect

        self._check_available()
        if (kind := options.get("kind", "mixed")) not in SAWYER_KINDS:
            raise UsageError(f"kind: expected one of {', '.join(SAWYER_KINDS)}, got {kind!r:.40}; choose one")
        if "models" in options:
            raise UsageError("models: expected none in this world, got some; no policy is corrected in it")
        if "families" in options:
            raise UsageError("families: expected none in this world, got some; they are of the tabletop")
        try:
            return collect(out, **options)
        except ValueError as error:
            raise UsageError(f"first seed: {error}") from error
