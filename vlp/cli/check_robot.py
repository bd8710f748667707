"""`vlp check-robot`: an arm behind a bridge beside the dataset that is to drive it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tyro.conf import arg

from vlp.errors import HeldError, UsageError

if TYPE_CHECKING:
    from executors.lerobot.arm import BridgedArm
    from vlp.session.arms import KnownArm, Wiggled

DIFFERS = 1
"""Exit code of an arm or camera that is not the dataset's."""


@dataclass(frozen=True, kw_only=True)
class CheckRobot:
    """Connect to a bridge, show what its camera sees beside the dataset, and say what differs. Nothing moves
    unless --wiggle is approved: then each joint by 2 degrees and back."""

    uses_torch: ClassVar[bool] = False

    bridge: Annotated[str, arg(metavar="ADDRESS")]
    """unix:PATH or 127.0.0.1:PORT, as executors/lerobot/bridge.py was started."""
    data: Annotated[Path, arg(metavar="DATASET")]
    """Recorded with this arm and camera."""
    camera: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """As for vlp train world."""
    token_file: Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """The bridge's; needed for 127.0.0.1."""
    wiggle: bool = False
    """Ask whether each joint may move by 2 degrees, and move it where the answer is yes."""
    speed: float = 0.5
    """Share of the dataset's furthest step that one step may go."""
    out: Annotated[Path, arg(metavar="PATH")] = Path("check-robot.png")
    """Where the two pictures are written, the dataset's on the left."""
    json: bool = False
    """Print what was found as one line of JSON."""

    def run(self) -> int:
        """The exit code. Raises UsageError, FolderError and HeldError."""
        from vlp.session.arms import bridged, connected, known

        if not 0 < self.speed <= 1:
            raise UsageError(f"speed: expected a share above 0 and at most 1, got {self.speed:g}; choose one")
        arm_known = known(self.data, self.camera, share=self.speed)
        arm = connected(bridged(self.bridge, self.token_file, arm_known.config), self.bridge)
        try:
            found = self._look(arm, arm_known)
        finally:
            arm.disconnect()
        wiggled = self._wiggled(arm, arm_known) if self.wiggle and not found["refused"] else []
        found["wiggled"] = [{**vars(one), "good": one.good} for one in wiggled]
        if self.json:
            print(json.dumps(found))
        else:
            print("\n".join(in_words(found)))
        return DIFFERS if found["refused"] or not all(one.good for one in wiggled) else 0

    def _look(self, arm: BridgedArm, known: KnownArm) -> dict[str, Any]:
        """What is seen; pictures are written. Raises HeldError."""
        import numpy as np

        from executors.safety.faults import RobotError
        from vlp.record.filmstrip import write_png

        try:
            seen = arm.get_observation()
        except (OSError, RobotError) as error:
            raise HeldError(f"bridge: expected an observation, got {error}; nothing has moved") from error
        likeness = known.view.compare(seen["rgb"])
        write_png(self.out, np.concatenate([known.picture, seen["rgb"]], 1))
        limits, joints = known.limits, seen["joints"].tolist()
        return {
            "robot": arm.about.name if arm.about else "",
            "joints": [
                {"name": name, "at": at, "low": low, "high": high, "step": step}
                for name, at, low, high, step in zip(
                    limits.names, joints, limits.low, limits.high, limits.most, strict=True
                )
            ],
            "cameras": {name: list(one.shape) for name, one in seen["pictures"].items()},
            "alike": round(likeness.alike, 3),
            "limit": round(likeness.limit, 3),
            "differences": likeness.differences,
            "refused": likeness.refused,
            "pictures": str(self.out),
        }

    def _wiggled(self, arm: BridgedArm, known: KnownArm) -> list[Wiggled]:
        """Nothing where it is not approved. Raises HeldError."""
        names = ", ".join(known.limits.names)
        print(
            f"each of {names} will move by 2 and back; is the arm clear? yes | no: ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        if sys.stdin.readline().strip() != "yes":
            print("not approved: nothing has moved", file=sys.stderr)
            return []
        from executors.safety.faults import HoldError
        from executors.safety.gate import GateError
        from vlp.session.arms import robot_folder, wiggle
        from vlp.session.drive import driven

        folder = robot_folder(self.bridge)
        try:
            with driven(arm, folder, known.limits, known.view, known.camera) as robot:
                robot.connect()
                try:
                    return wiggle(robot, known.limits)
                finally:
                    robot.disconnect()
        except (HoldError, GateError) as error:
            raise HeldError(
                f"{error}; the arm stays where it is (vlp stop and vlp rearm: {folder.parent})"
            ) from error


def in_words(found: dict[str, Any]) -> list[str]:
    """Lines for a person."""
    lines = [f"robot      {found['robot']}"]
    for one in found["joints"]:
        inside = "" if one["low"] <= one["at"] <= one["high"] else "  OUT OF THE DATASET'S RANGE"
        lines.append(
            f"joint      {one['name']}: at {one['at']:.1f}, range {one['low']:.1f} to {one['high']:.1f}, "
            f"at most {one['step']:.2f} a step{inside}"
        )
    lines += [f"camera     {name}: {'x'.join(map(str, shape))}" for name, shape in found["cameras"].items()]
    lines.append(f"view       alike {found['alike']:.2f}; the dataset's own at least {found['limit']:.2f}")
    lines += [f"difference {one}" for one in found["differences"]]
    for one in found["wiggled"]:
        other = f"; {one['other']} moved instead" if one["other"] else ""
        said = (
            "the dataset never moves it"
            if one["asked"] == 0
            else f"asked {one['asked']:+.1f}, moved {one['moved']:+.2f}{other}"
        )
        lines.append(f"wiggled    {one['joint']}: {said}")
    refused = f"refused: it shows {found['refused']}" if found["refused"] else "the dataset's view"
    bad = [one["joint"] for one in found["wiggled"] if not one["good"]]
    verdict = refused + (f"; not as asked: {', '.join(bad)}" if bad else "")
    return [*lines, f"pictures   {found['pictures']}", f"verdict    {verdict}"]
