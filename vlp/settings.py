"""Settings: how wide and how far a run searches, and how long it may act."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, get_args

from vlp.errors import UsageError

Device = Literal["auto", "cpu", "cuda"]
PresetName = Literal["nano", "base"]
Approve = Literal["auto", "ask"]
"""auto: every plan is acted on; ask: none before an operator has said so."""
Waits = Literal["auto", "program", "ask"]
"""As `Approve`; program: only the first plan for a goal that a VLM wrote."""
Extraction = Literal["every-frame", "last-frame", "inverse-dynamics"]

LIMITS: Final = {
    "seed": (0, 2**31 - 1),
    "beams": (1, 64),
    "language_branches": (1, 64),
    "video_branches": (1, 64),
    "horizon": (1, 16),
    "sampling_steps": (1, 16),
    "max_control_steps": (1, 1500),
}
"""Smallest and largest value of each number."""
MOST_CLIPS: Final = 2048
"""Clips a level, 300 kB each: more would not fit into a usual memory."""
SECONDS: Final = (0.05, 600.0)
"""Smallest and largest budget of a decision."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one run. Raises UsageError for a value out of its range."""

    seed: int = 0
    beams: int = 3
    language_branches: int = 12
    """Subgoals proposed for each beam: what wins at equal numbers of clips (docs/bench.md, looking ahead)."""
    video_branches: int = 1
    """Clips imagined for each subgoal."""
    horizon: int = 2
    """Subgoals that a plan looks ahead."""
    sampling_steps: int = 2
    """Denoising steps a clip."""
    max_control_steps: int = 1500
    device: Device = "auto"
    extraction: Extraction = "every-frame"
    """How actions come from a clip: a policy that follows each of its frames, or what that is compared to."""
    seconds: float | None = None
    """That each decision searches, by restarts; None: as long as one search takes."""

    min_confidence: float | None = None
    """Expected success (0..1) below which a plan is not acted on; None: any will do."""

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            _check(name, getattr(self, name), low, high)
        if self.device not in ("auto", "cpu", "cuda"):
            raise UsageError(f"device: expected auto, cpu or cuda, got {self.device!r}; choose one of these")
        if self.extraction not in (ways := get_args(Extraction)):
            raise UsageError(
                f"extraction: expected {', '.join(ways)}, got {self.extraction!r:.40}; choose one of these"
            )
        if self.seconds is not None:
            _check_seconds(self.seconds)
        if self.min_confidence is not None:
            _check_share(self.min_confidence)
        if self.clips > MOST_CLIPS:
            raise UsageError(
                f"expected at most {MOST_CLIPS} clips a level, "
                f"got beams x language branches x video branches = {self.clips}; lower one of them"
            )

    @property
    def clips(self) -> int:
        """Clips imagined for one level of the search."""
        return self.beams * self.language_branches * self.video_branches

    def as_dict(self) -> dict[str, int | float | str]:
        """The settings as they stand in result.json. Those that only an ablation changes stand there only
        when it does, so that a result of the agent as it is says the same with them and without."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        as_is = {"extraction": "every-frame", "seconds": None, "min_confidence": None}
        return {name: value for name, value in values.items() if name not in as_is or value != as_is[name]}


def _check(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UsageError(
            f"{name.replace('_', ' ')}: expected a whole number from {low} to {high}, got {value!r:.40}; "
            "choose one in this range"
        )


def _check_seconds(value: object) -> None:
    low, high = SECONDS
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and low <= value <= high):  # type: ignore[operator]
        raise UsageError(
            f"seconds: expected a number from {low:g} to {high:g}, got {value!r:.40}; "
            "choose one in this range"
        )


def _check_share(value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and 0.0 <= value <= 1.0):  # type: ignore[operator]
        raise UsageError(
            f"min confidence: expected a number from 0 to 1, got {value!r:.40}; choose one in this range"
        )


PRESETS: Final[dict[PresetName, Settings]] = {
    "nano": Settings(),
    "base": Settings(beams=4, language_branches=16, video_branches=4),
}
"""nano for two CPU cores, base for a GPU."""
TREE: Final = Settings(beams=2, language_branches=4, video_branches=4, horizon=2)
"""The search that benches call `ours`: a tree two subgoals deep, as Video Language Planning's."""
