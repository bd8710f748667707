"""Request: what is asked of a session, said once for the command line, the console and MCP."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from tyro.conf import Positional, UseAppendAction, arg

from vlp.domains.base import DEFAULT
from vlp.durable.postgres import Where
from vlp.errors import UsageError
from vlp.latent.folder import BUNDLED_LATENT
from vlp.session.listed import HINT, one_or_more
from vlp.session.model_options import ModelOptions
from vlp.settings import PRESETS, Device, PresetName, Settings, Waits


def _seconds(text: str) -> float:
    """Of "10" or "10s". Raises UsageError."""
    try:
        return float(text.strip().removesuffix("s"))
    except ValueError:
        raise UsageError(
            f"within: expected seconds such as 10 or 10s, got {text!r:.40}; give a number"
        ) from None


_Number = Annotated[int | None, arg(metavar="INT", help_behavior_hint="")]


_Folder = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]


_Models = Annotated[
    Path | None, arg(metavar="{slots,latent,PATH}", aliases=("--models",), help_behavior_hint="")
]
_NAMED: Final = {"slots": None, "latent": BUNDLED_LATENT}


@dataclass(frozen=True, kw_only=True)
class PlannerOptions(ModelOptions):
    """How the planner searches, and with what. A number that is not given is the preset's."""

    uses_torch: ClassVar[bool] = True

    world: str = DEFAULT
    """Which world: its robot, its models and its words; see vlp worlds."""
    preset: PresetName = "nano"
    """nano for two CPU cores, base for a GPU."""
    seed: int = 0
    """Of the board and of the search; the same seed gives the same plan."""
    beams: _Number = None
    """Branches kept at each level (nano 2, base 4)."""
    language_branches: _Number = None
    """Subgoals proposed for each beam (nano 4, base 8)."""
    video_branches: _Number = None
    """Clips imagined for each subgoal (nano 4, base 8)."""
    horizon: _Number = None
    """Subgoals that a plan looks ahead (2)."""
    sampling_steps: _Number = None
    """Denoising steps a clip (2)."""
    within: Annotated[str | None, arg(metavar="SECONDS", help_behavior_hint="")] = None
    """How long each decision may search (10, or 10s), by restarts; the best plan by then is taken."""
    min_confidence: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="")] = None
    """Expected success (0 to 1) below which no plan is acted on: you are asked where branches end in
    different ways, else it is given up."""
    device: Device = "auto"
    """Where models run; auto takes a GPU when there is one."""
    weights: _Models = None
    """slots: the bundled models of blocks; latent: those that were learned from pixels; or a folder of
    either, such as vlp train leaves (slots)."""
    rule: Annotated[UseAppendAction[tuple[Annotated[str, one_or_more("WORDS")], ...]], HINT] = ()
    """Standing rules, such as "never move the red star", "keep the left side clear", "at most 5 cm a second".
    All that are given hold."""

    def __post_init__(self) -> None:
        if str(self.weights) in _NAMED:
            object.__setattr__(self, "weights", _NAMED[str(self.weights)])

    def settings(self) -> Settings:
        """The settings; raises UsageError for a number out of its range."""
        preset = PRESETS[self.preset].as_dict()
        given = {option.name: getattr(self, option.name) for option in fields(self) if option.name in preset}
        numbers = preset | {name: value for name, value in given.items() if value is not None}
        seconds = None if self.within is None else _seconds(self.within)
        return Settings(**numbers, seconds=seconds, min_confidence=self.min_confidence)


@dataclass(frozen=True, kw_only=True)
class Options(PlannerOptions):
    """What runs have in common."""

    out: _Folder = None
    """A new or empty folder for what the run leaves; else one in runs/."""
    json: bool = False
    """Print the result as one line of JSON, the last on stdout."""


@dataclass(frozen=True, kw_only=True)
class RunRequest(Options):
    """An instruction that is to be carried out."""

    instruction: Positional[str]
    """What to do, such as "group the blocks by color"."""
    max_control_steps: _Number = None
    """Control steps of 0.1 s until it gives up (1500)."""
    approve: Waits = "program"
    """ask: no plan is acted on before you have approved it, changed it or stopped; program: only the first
    plan for words that a VLM read; auto: none waits."""
    checkpoints: Where = "sqlite"
    """sqlite: in the run's folder; postgres: in the database whose address is in VLP_POSTGRES."""


@dataclass(frozen=True, kw_only=True)
class PlanRequest(Options):
    """An instruction of which only the plan is asked for."""

    instruction: Positional[str]
    """What to plan, such as "group the blocks by color"."""
    guards: Literal["on", "off"] = "on"
    """off: keep clips that can't be, to see what a video model that does not know this board would plan."""


Request = RunRequest | PlanRequest
