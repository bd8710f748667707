"""Those who look on while a model trains: the terminal, the curve and its plot, accelerate's trackers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tasks.learning.curve import Curve
from tasks.learning.parallel import is_first
from tasks.learning.trainer import TrainingMoment
from vlp.errors import UsageError
from vlp.progress import Bar
from vlp.train.plot import draw

PLOT_SECONDS: Final = 60.0
"""Between two drawings of the curve."""


class Watching:
    """A context manager around a training of several parts, told by `tick` and `watch` how it goes.

    Args:
        folder: gets curve.jsonl and curve.png in a folder a part.
        minutes: of each part, by its name.
        trackers: "tensorboard" or "wandb", as accelerate knows them.
    """

    def __init__(self, folder: Path, minutes: dict[str, float], trackers: Sequence[str] = ()) -> None:
        self._folder, self._minutes = folder, minutes
        self._tracked = _trackers(folder, trackers) if trackers and is_first() else None
        self._bars: dict[str, Bar] = {}
        self._drawn: dict[str, float] = {}
        self._ended: str | None = None

    def tick(self, part: str, seconds: float) -> None:
        """So many seconds of a part are over."""
        if is_first():
            self._bar(part).advance(seconds)

    def watch(self, part: str, moment: TrainingMoment) -> None:
        """How a part stands."""
        left = f"loss {moment.means.get('loss', float('nan')):.4f}, {moment.samples_a_second:.1f} samples/s"
        self._bar(part).say(left)
        curve = Curve(self._folder / part / "curve.jsonl")
        curve.add(moment)
        if self._tracked is not None:
            values = {f"{part}/{name}": value for name, value in moment.means.items()}
            self._tracked.log(
                values | {f"{part}/samples_a_second": moment.samples_a_second}, step=moment.step
            )
        if moment.used - self._drawn.get(part, -PLOT_SECONDS) >= PLOT_SECONDS or moment.left <= 0:
            self._drawn[part] = moment.used
            draw(curve.rows(), self._folder / part / "curve.png")

    def _bar(self, part: str) -> Bar:
        if part not in self._bars:
            self._close()
            self._bars[part] = Bar(f"training {part}", 60 * self._minutes[part])
            self._bars[part].__enter__()
        return self._bars[part]

    def _close(self) -> None:
        for bar in self._bars.values():
            bar.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if self._tracked is not None:
            self._tracked.end_training()


def check_trackers(names: Sequence[str]) -> None:
    """Raises UsageError for one whose package is not there."""
    for name in names:
        if find_spec(name) is None:
            raise UsageError(
                f"track: expected the package {name}, got none; pip install {name}, or leave it out"
            )


def _trackers(folder: Path, names: Sequence[Any]) -> Any:
    """An Accelerator that only logs. Raises UsageError where a tracker can't be begun."""
    from accelerate import Accelerator

    try:
        accelerator = Accelerator(log_with=list(names), project_dir=str(folder))
        accelerator.init_trackers("vlp")
    except Exception as error:  # of a package that is not ours: no account, no network
        why = " ".join(str(error).split())[:200]
        raise UsageError(f"track: expected {', '.join(map(str, names))} to begin, got {why}") from error
    return accelerator
