"""`vlp run --bridge`: words carried out by an arm of one's own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlp.cli.shown_picture import empty_folder
from vlp.errors import HeldError, UsageError
from vlp.getting_ready import getting_ready
from vlp.process import print_result, stdout_for_result
from vlp.session.folders import RUNS, run_name

if TYPE_CHECKING:
    from executors.lerobot.arm import BridgedArm
    from vlp.models.learned import Learned
    from vlp.session.arms import KnownArm
    from vlp.settings import Device


@dataclass(frozen=True, kw_only=True)
class OnArm:
    """What was given."""

    words: str
    bridge: str
    token_file: Path | None
    data: Path | None
    camera: str | None
    models: Path | None
    speed: float
    seconds: float
    unattended: bool
    device: Device
    seed: int
    steps: int
    out: Path | None
    json: bool

    def run(self) -> int:
        """The exit code. Raises UsageError, WeightsError, FolderError and HeldError."""
        self._check()
        folder = empty_folder(self.out or RUNS / run_name(self.words, self.seed))
        with stdout_for_result():
            with getting_ready("loading models"):
                from vlp.models.learned import Learned
                from vlp.session.acting import check_models
                from vlp.session.arms import bridged, connected, known

                assert self.data is not None and self.models is not None
                arm_known = known(self.data, self.camera, share=self.speed)
                models = Learned.load(self.models, device=self.device, steps=self.steps)
                check_models(models, arm_known.config.joints, arm_known.config.size)
                models.check_words(self.words)
            arm = connected(bridged(self.bridge, self.token_file, arm_known.config), self.bridge)
            arm.disconnect()
            folder.mkdir(parents=True, exist_ok=True)
            result = self._drive(arm, arm_known, models, folder) | {"folder": str(folder)}
        if self.json:
            print_result(result)
        else:
            print(f"{result['reason']} after {result['goals']} goals; pictures: {folder}")
        return 0

    def _check(self) -> None:
        for name in ("data", "models"):
            if getattr(self, name) is None:
                raise UsageError(f"{name}: expected --{name} PATH with --bridge, got none; give it")
        if not self.words.strip():
            raise UsageError("words: expected what is to be done, got nothing; say it")
        if not 0 < self.speed <= 1:
            raise UsageError(f"speed: expected a share above 0 and at most 1, got {self.speed:g}; choose one")
        if not 0 < self.seconds <= 3600:
            raise UsageError(
                f"seconds: expected more than 0, at most 3600, got {self.seconds:g}; choose such"
            )

    def _drive(self, arm: BridgedArm, known: KnownArm, models: Learned, folder: Path) -> dict[str, Any]:
        from executors.safety.faults import HoldError
        from executors.safety.gate import GateError
        from vlp.record.filmstrip import write_png
        from vlp.session.acting import ActingConfig, act
        from vlp.session.arms import robot_folder
        from vlp.session.drive import driven

        place = robot_folder(self.bridge)
        try:
            with driven(arm, place, known.limits, known.view, known.camera) as robot:
                robot.connect()
                try:
                    first = robot.get_observation()["rgb"]
                    write_png(folder / "first.png", first)
                    if not self._approved(models, first, folder):
                        return {"reason": "not approved: nothing has moved", "goals": 0}
                    chunk = 2 * models.bundle.stride
                    config = ActingConfig(words=self.words, seconds=self.seconds, chunk=chunk, seed=self.seed)
                    result = act(robot, models, known.limits, config, tell=_say)
                    write_png(folder / "last.png", robot.get_observation()["rgb"])
                    return result
                finally:
                    robot.disconnect()
        except (HoldError, GateError) as error:
            raise HeldError(
                f"{error}; the arm stays at its last goal (vlp stop and vlp rearm: {place.parent})"
            ) from error

    def _approved(self, models: Learned, first: Any, folder: Path) -> bool:
        """Whether it may move, once what is imagined was shown."""
        import numpy as np

        from vlp.record.filmstrip import strip, write_png

        clip = models.pipeline.imagine(first[None], [self.words], [self.seed])[0]
        write_png(folder / "imagined.png", strip(np.concatenate([first[None], clip]), gap=2))
        if self.unattended:
            return True
        print(
            f"imagined: {folder / 'imagined.png'}; the arm will move for up to {self.seconds:g} s; "
            "is it clear? yes | no: ",
            end="", file=sys.stderr, flush=True,
        )  # fmt: skip
        return sys.stdin.readline().strip() == "yes"


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
