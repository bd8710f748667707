"""`vlp run`, `vlp plan` and `vlp demo`: one instruction on one board."""

from __future__ import annotations

from dataclasses import dataclass, fields

from vlp.cli.follow import on_terminal
from vlp.cli.which import with_one_meaning
from vlp.domains.base import domain
from vlp.process import stdout_for_result
from vlp.session.request import Options, PlanRequest, RunRequest

DEMO_SEED = 1_000_001


@dataclass(frozen=True, kw_only=True)
class Run(RunRequest):
    """Do what an instruction says: plan, act, look, plan again until it is done."""

    def run(self) -> int:
        return act(self)


@dataclass(frozen=True, kw_only=True)
class PlanCommand(PlanRequest):
    """Look, search and show the plan for an instruction; nothing moves."""

    def run(self) -> int:
        from vlp.session.open import plan

        with stdout_for_result():
            conclude = with_one_meaning(self, lambda asked: plan(asked, on_terminal(asked.settings())))
        return conclude()


@dataclass(frozen=True, kw_only=True)
class Demo(Options):
    """Group the blocks by color, on a board that no model was trained on."""

    seed: int = DEMO_SEED
    """Of the board and of the search."""

    def run(self) -> int:
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        return act(RunRequest(instruction=domain(self.world).wording.instruction, **given))


def act(request: RunRequest) -> int:
    """Carry out an instruction at this terminal; the exit code."""
    from vlp.session.open import begin

    with stdout_for_result():
        conclude = with_one_meaning(request, lambda asked: begin(asked, on_terminal(asked.settings())))
    return conclude()
