"""Variants of each ablation, and what the paper reports for them; light, for the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from vlp.bench.names import TASKS, TaskName
from vlp.settings import Settings

AblationName = Literal["planning", "execution", "extraction", "budget"]
Measure = Literal["complete", "score"]
SECONDS: Final = (1.0, 3.0, 10.0, 30.0)
HORIZON: Final = 16
"""Levels of a plan that is to reach the goal in imagination alone: a line takes some ten pushes."""


@dataclass(frozen=True)
class Variant:
    """The agent with some of its settings changed."""

    name: str
    settings: Mapping[str, Any]
    paper: Mapping[Measure, float] = field(default_factory=dict)
    """What the paper reports, 0..1."""

    def of(self, settings: Settings) -> Settings:
        """Those settings with the variant's own. Raises UsageError for a value out of its range."""
        return replace(settings, **self.settings)


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """Variants that differ in one thing."""

    name: AblationName
    title: str
    measures: Mapping[Measure, str]
    """What is told of each variant, the first one first -> what it is called here."""
    variants: Sequence[Variant]
    """The last one is the reference, from which each other is subtracted."""
    tasks: Sequence[TaskName]
    """The paper's, unless others are asked for."""
    imagined: bool = False
    """Whether plans are judged as they are imagined, and nothing is acted."""
    note: str = ""
    """What a reader must know of the figures."""

    @property
    def reference(self) -> Variant:
        return self.variants[-1]


def planning(horizon: int = HORIZON) -> Ablation:
    """How wide the search is, and how often its plan reaches the goal in imagination."""
    widths = ((1, 1, 1, 0.04), (1, 1, 4, 0.10), (1, 4, 4, 0.22), (2, 4, 4, 0.56))
    return Ablation(
        name="planning",
        title="Accuracy of imagined plans by beams / language branches / video branches",
        measures={"complete": "plan accuracy", "score": "reward of the last frame"},
        variants=[
            Variant(f"{b}/{a}/{d}", _sizes(b, horizon, a, d), {"complete": paper})
            for b, a, d, paper in widths
        ],
        tasks=("line",),
        imagined=True,
        note=f"A plan goes on in imagination, for {horizon} levels at most, until the value says that the "
        "goal is reached, and ends where its steps-to-go are lowest. The judge, not the value, says "
        "whether it is right: the goal is reached in its last frame, and nothing on the way is impossible.",
    )


def execution() -> Ablation:
    """How wide and how far the search goes, and what is then achieved."""
    rows = ((1, 1, 2, 0.489, 0.0), (1, 1, 4, 0.533, 0.02), (1, 2, 4, 0.581, 0.08), (2, 2, 4, 0.65, 0.16))
    return Ablation(
        name="execution",
        title="Whole episodes by beams / horizon / branching",
        measures={"score": "mean score", "complete": "completion"},
        variants=[
            Variant(f"{b}/{h}/{n * n}", _sizes(b, h, n, n), {"score": score, "complete": complete})
            for b, h, n, score, complete in rows
        ],
        tasks=("line",),
        note="Branching is language branches x video branches: 4 = 2 x 2, 16 = 4 x 4.",
    )


def extraction() -> Ablation:
    """How actions come from a clip."""
    return Ablation(
        name="extraction",
        title="Whole episodes by how actions come from a clip",
        measures={"complete": "completion", "score": "mean score"},
        variants=[
            Variant("inverse dynamics", {"extraction": "inverse-dynamics"}, {"complete": 0.80}),
            Variant("last frame", {"extraction": "last-frame"}, {"complete": 0.66}),
            Variant("every frame", {"extraction": "every-frame"}, {"complete": 0.92}),
        ],
        tasks=("group",),
        note="Inverse dynamics: the pusher's motion between imagined frames, open loop, as the pose probe "
        "sees it (the paper's is learned). Last frame: the policy gets the clip's last frame only, and as "
        "many control steps as for every frame.",
    )


def budget(seconds: Sequence[float] = SECONDS) -> Ablation:
    """How long each decision may search."""
    return Ablation(
        name="budget",
        title="Whole episodes by seconds of search a decision",
        measures={"complete": "completion", "score": "mean score"},
        variants=[Variant(f"{s:g} s", {"seconds": float(s)}) for s in sorted(set(seconds))],
        tasks=TASKS,
        note="Searches are repeated from other seeds as long as time is left, and the best plan is acted. "
        "The first level is always done. The paper has no such figure.",
    )


def _sizes(beams: int, horizon: int, language: int, video: int) -> dict[str, int]:
    return {
        "beams": beams,
        "horizon": horizon,
        "language_branches": language,
        "video_branches": video,
    }
