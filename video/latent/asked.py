"""What a training of the model of video and action is asked for, and what it begins from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tasks.data.layout import DatasetError
from tasks.learning.trainer import TrainingMoment
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.config import LatentConfig
from video.latent.split import SHARE


@dataclass(frozen=True, kw_only=True)
class WorldTraining:
    """What a run is asked for."""

    data: Sequence[Path]
    folder: Path
    """Of packed frames, checkpoints and weights."""
    config: LatentConfig
    minutes: float
    """Of the transformer."""
    autoencoder_minutes: float = 0.0
    """Of the autoencoder; once the transformer has begun, it must not change any more."""
    sketch_minutes: float = 0.0
    """Of its small parts alone, before it has begun: some fifteen times as many clips a second."""
    sketch_steps: int | None = None
    whole: bool = True
    """Whether the whole network is trained; else its action prior alone, for the sketch's minutes."""
    rolling_minutes: float = 0.0
    """Of the rolling model, last of all: it reads words by the transformer's prior, which still changes while
    that is trained."""
    rolling_steps: int | None = None
    flow_minutes: float = 0.0
    """Of the flows, which imagine a beat at a time by where things were seen before."""
    flow_steps: int | None = None
    dynamics_minutes: float = 0.0
    """Of the dynamics, which imagine and explain a beat at a time."""
    dynamics_steps: int | None = None
    termination_minutes: float = 0.0
    """Of what tells when a subgoal is over, begun from the prior, before the rolling model."""
    termination_steps: int | None = None
    steps: int | None = None
    """Of the transformer, after which it ends though minutes are left: the same on any machine."""
    autoencoder_steps: int | None = None
    camera: str | None = None
    device: str = "cpu"
    learning_rate: float = 1.5e-3
    workers: int = 0
    corrected: Sequence[Path] = ()
    """Datasets of what an expert did from where a policy got, which half of the clips are drawn from."""
    timelapses: Sequence[Path] = ()
    """Datasets of pictures at any rate, of which ends alone are learned."""
    start: Path | None = None
    """Weights of an earlier training, which those parts begin from that have no checkpoint; its words and its
    scales are kept."""
    kept: float = 0.0
    """Share of the start's weights in those that are written (see `keeping`); checkpoints go on without."""
    held_out: Path | None = None
    """A dataset that is only looked at; None: a share of the episodes of `data`."""
    share: float = SHARE

    @property
    def looks(self) -> bool:
        """Whether pictures themselves are needed, beside what the autoencoder sees in them."""
        return self.whole or bool(self.autoencoder_minutes or self.rolling_minutes or self.flow_minutes)


EYE: Final = "autoencoder"
WORLD: Final = "transformer"
SKETCH: Final = "sketch"
ALONE: Final = "prior"
"""In the place of the sketch and the transformer, where the whole network is not trained."""
ROLLING: Final = "rolling"
FLOW: Final = "flow"
DYNAMICS: Final = "dynamics"
TERMINATION: Final = "termination"
STEPS: Final = "rolling/steps"
"""How things go that the rolling model cuts out already: another loss, and a training of its own."""


@dataclass(frozen=True)
class Onlookers:
    """Who is told how a training goes; each of the two networks has its name."""

    tick: Callable[[str, float], None] = lambda _, seconds: None
    """Seconds that a step took."""
    watch: Callable[[str, TrainingMoment], None] = lambda _, moment: None
    """How it stands, every so often."""


def started(run: WorldTraining) -> LatentBundle | None:
    """The weights that a run begins from. Raises DatasetError for a folder that holds none."""
    if run.start is None:
        return None
    try:
        return LatentBundle.load(run.start)
    except LatentWeightsError as error:
        raise DatasetError(str(error)) from error


def fill(model: Any, other: Any) -> None:
    """Raises DatasetError for weights of other sizes: of another preset or robot."""
    try:
        model.load_state_dict(other.state_dict())
    except RuntimeError as error:
        raise DatasetError(
            "expected weights of this preset and of such actions in --start, got others "
            f"({' '.join(str(error).split())[:160]}); leave --start out"
        ) from error
