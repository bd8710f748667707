"""`vlp run`, `vlp plan` and `vlp demo`: one instruction on one board."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from vlp.cli.follow import on_terminal
from vlp.cli.on_arm import OnArm
from vlp.cli.shown_picture import ShownPicture, empty_folder
from vlp.cli.which import with_one_meaning
from vlp.domains.base import DATASET, domain
from vlp.errors import UsageError
from vlp.getting_ready import getting_ready
from vlp.latent.folder import STEPS
from vlp.models.chosen import Models
from vlp.process import print_result, stdout_for_result
from vlp.session.folders import RUNS, run_name
from vlp.session.listed import HINT, one_or_more
from vlp.session.request import Options, PlanRequest, RunRequest

_Path = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]
DEMO_SEED = 1_000_001


@dataclass(frozen=True, kw_only=True)
class Run(RunRequest):
    """Do what an instruction says: plan, act, look, plan again until it is done. With --bridge an arm of your
    own does it, by weights that learned from its dataset (docs/robots.md)."""

    bridge: Annotated[str | None, arg(metavar="ADDRESS", help_behavior_hint="")] = None
    """An arm: unix:PATH or 127.0.0.1:PORT; with --data and --models."""
    token_file: _Path = None
    """The bridge's."""
    data: _Path = None
    """The dataset of that arm: its joints, limits and view."""
    camera: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """As for vlp train world."""
    speed: float = 0.5
    """Share of the dataset's furthest step that one step of the arm may go."""
    seconds: float = 60.0
    """That the arm moves at most."""
    unattended: bool = False
    """Do not ask before the arm moves."""

    def run(self) -> int:
        if self.bridge is None:
            for name, value in (("data", self.data), ("token-file", self.token_file)):
                if value is not None:
                    raise UsageError(
                        f"{name}: expected --bridge ADDRESS with it, got none; give both or neither"
                    )
            return act(RunRequest(**{one.name: getattr(self, one.name) for one in fields(RunRequest)}))
        refuse(self, "an arm", "rule", "within", "min_confidence")
        return OnArm(
            words=self.instruction, bridge=self.bridge, token_file=self.token_file, data=self.data,
            camera=self.camera, models=self.weights, speed=self.speed, seconds=self.seconds,
            unattended=self.unattended, device=self.device, seed=self.seed,
            steps=self.sampling_steps or STEPS, out=self.out, json=self.json,
        ).run()  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PlanCommand(PlanRequest):
    """Look, search and show the plan for an instruction; nothing moves. With --models it plans on pictures:
    --frame, or the first of an episode of --world dataset:PATH (docs/your-own-world.md)."""

    frame: Annotated[UseAppendAction[tuple[Annotated[Path, one_or_more("PICTURE", Path)], ...]], HINT] = ()
    """The picture to plan from, of any size; one for each camera where the weights know several."""

    def run(self) -> int:
        if self.frame or self.world.startswith(DATASET):
            return self._on_pictures()
        from vlp.session.open import plan

        with stdout_for_result():
            conclude = with_one_meaning(self, lambda asked: plan(asked, on_terminal(asked.settings())))
        return conclude()

    def _on_pictures(self) -> int:
        """Raises UsageError for options that make no sense without a simulator."""
        shown = ShownPicture(self.instruction, self.frame, self.weights, self.world, self.seed)
        shown.check()
        refuse(self, "pictures", "rule", "within", "min_confidence")
        settings = self.settings()
        folder = empty_folder(self.out or RUNS / run_name(self.instruction, self.seed))
        with stdout_for_result(), getting_ready("loading models"):
            from vlp.models.learned import Learned
            from vlp.session.pictures import PicturePlan, in_words, plan

            assert self.weights is not None
            models = Learned.load(self.weights, device=self.device, steps=self.sampling_steps or STEPS)
            models.check_words(self.instruction)
            frame = shown.first(models)
        with stdout_for_result():
            folder.mkdir(parents=True, exist_ok=True)
            asked = PicturePlan(
                goal=self.instruction, out=folder, settings=settings, guards=self.guards == "on"
            )
            result = plan(asked, models, frame)
        if self.json:
            print_result(result)
        else:
            print("\n".join(in_words(result)))
        return 0


@dataclass(frozen=True, kw_only=True)
class Demo(Options):
    """Group the blocks by color, on a board that no model was trained on."""

    seed: int = DEMO_SEED
    """Of the board and of the search."""

    def run(self) -> int:
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        return act(RunRequest(instruction=domain(self.world).wording.instruction, **given))


def refuse(options: Options, where: str, *names: str) -> None:
    """Raises UsageError for options that mean nothing there: a rule that is not held to must not be taken."""
    for name in names:
        if getattr(options, name):
            raise UsageError(f"{name.replace('_', '-')}: expected none on {where}, got one; leave it out")
    if options.models() != Models():
        raise UsageError(f"vlm, video: expected those of --models on {where}, got others; leave them out")


def act(request: RunRequest) -> int:
    """Carry out an instruction at this terminal; the exit code."""
    from vlp.session.open import begin

    with stdout_for_result():
        conclude = with_one_meaning(request, lambda asked: begin(asked, on_terminal(asked.settings())))
    return conclude()
