"""The tabletop as a world for the agent: blocks on a board, pushed by a point."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vlp.domains.base import Wording
from vlp.errors import UsageError

if TYPE_CHECKING:
    from executors.robot import Robot
    from tasks.domain import Language, Rules
    from vlp.agent.parts import Parts
    from vlp.models.chosen import Models
    from vlp.models.weights import Hashes


class Tabletop:
    """See vlp.domains.base.Domain."""

    name = "tabletop"
    summary = "blocks on a board that a robot pushes with one point, simulated in PyBullet"
    wording = Wording(
        does="Plans block pushes on a tabletop",
        scene="board",
        place="table",
        things="blocks",
        offers="tasks, single pushes",
        instruction="group the blocks by color",
        subgoal="push the red moon to the blue cube",
        rule="never move the red star",
    )

    def check(self, instruction: str, *, seed: int, rules: Sequence[str]) -> None:
        from vlp.domains.tabletop.check import check_instruction

        check_instruction(instruction, seed=seed, rules=rules)

    def check_rules(self, rules: Sequence[str], *, seed: int) -> None:
        from vlp.domains.tabletop.check import check_rules

        check_rules(rules, seed=seed)

    def check_subgoal(self, words: str) -> None:
        from vlp.domains.tabletop.check import check_subgoal

        check_subgoal(words)

    def read_rules(self, rules: Sequence[str], names: Sequence[str]) -> Rules:
        from vlp.domains.tabletop.check import read

        return read(rules, names)

    def under_rules(self, parts: Parts, rules: Rules) -> Parts:
        from vlp.domains.tabletop.under_rules import under_rules

        return under_rules(cast(Any, parts), cast(Any, rules))

    def refusal(self, error: Exception, names: Collection[str]) -> str:
        from vlp.domains.tabletop.known import not_understood

        return not_understood(error, names)

    def offers(self) -> Mapping[str, Sequence[str]]:
        from vlp.domains.tabletop.known import PUSHES, long_tasks

        return {"tasks": long_tasks(), "pushes": list(PUSHES)}

    def words_of(self, name: str) -> str:
        from tasks.tabletop.world.board import words_of

        return words_of(name)

    def language(self) -> Language:
        from tasks.tabletop.language.subgoals import BOARD

        return BOARD

    def verify(self, weights: Path | None) -> Hashes:
        from vlp.latent.folder import verified
        from vlp.models.weights import BUNDLED, verify

        return verified(weights) or verify(weights or BUNDLED)

    def parts(
        self, *, weights: Path | None, device: str, sampling_steps: int, models: Models | None
    ) -> Parts:
        from vlp.latent.folder import is_latent

        if weights is not None and is_latent(weights):
            from vlp.domains.tabletop.latent import learned

            return learned(weights, device=device, sampling_steps=sampling_steps, models=models)
        from vlp.domains.tabletop.build import build

        return build(weights=weights, device=device, sampling_steps=sampling_steps, models=models)

    def robot(self, instruction: str | None, *, seed: int, max_steps: int) -> Robot:
        from executors.tabletop.simulated import SimulatedRobot

        return SimulatedRobot(instruction, seed=seed, max_steps=max_steps)

    def train(self, part: str, **options: Any) -> Mapping[str, Any]:
        from vlp.domains.tabletop.jobs import PARTS, train

        if part not in PARTS:
            raise UsageError(f"train: expected a part among {', '.join(PARTS)}, got {part!r:.40}; choose one")
        return train(part, **options)

    def collect(self, out: Path, **options: Any) -> int:
        from tasks.tabletop.demos import corrected
        from tasks.tabletop.demos.collect import KINDS, collect
        from tasks.tabletop.demos.own import OWN, collect_own
        from tasks.tabletop.demos.program import PROGRAM, TIMELAPSE_PROGRAM, collect_programs
        from tasks.tabletop.demos.timelapse import TIMELAPSE, collect_timelapse

        by_itself: Mapping[str, Callable[..., int]] = {
            TIMELAPSE: collect_timelapse,
            PROGRAM: collect_programs,
            TIMELAPSE_PROGRAM: partial(collect_programs, physics=False),
        }
        kinds = (*KINDS, *corrected.KINDS, *by_itself, OWN, "mixed")
        models = options.pop("models", None)
        if (kind := options.get("kind", "mixed")) not in kinds:
            raise UsageError(f"kind: expected one of {', '.join(kinds)}, got {kind!r:.40}; choose one")
        _check_families(kind, options.get("families", ()))
        if kind not in (*corrected.KINDS, OWN):
            if models is not None:
                raise UsageError(
                    f"models: expected none with --kind {kind}, got one; use --kind {corrected.CORRECTED}"
                )
            if kind in by_itself:
                del options["kind"]
                return by_itself[kind](out, **options)
            return collect(out, **options)
        from vlp.domains.tabletop.latent import acting, alone, heeds_words_alone

        del options["kind"]
        if kind == OWN:
            return collect_own(out, alone(models), **options)
        if kind == corrected.CORRECTED_LONG:
            options["long"] = 1.0
        options["lost"] = kind == corrected.CORRECTED_LOST
        policy = acting(models)
        if heeds_words_alone(models):
            options["shown"] = 0.0
        return corrected.collect_corrected(out, policy, **options)


def _check_families(kind: str, given: Sequence[str]) -> None:
    """Raises UsageError for families that there are not, and for kinds that are not of some."""
    from tasks.tabletop.goals.families import FAMILIES

    if unknown := [name for name in given if name not in FAMILIES]:
        raise UsageError(
            f"families: expected some of {', '.join(FAMILIES)}, got {unknown[0]!r:.40}; choose among them"
        )
    if given and kind not in ("play", "push", "corrected"):
        raise UsageError(f"families: expected kind play, push or corrected with them, got {kind}; choose one")
