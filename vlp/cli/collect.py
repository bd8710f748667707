"""`vlp collect`: scripted demonstrations as a LeRobotDataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tyro.conf import UseAppendAction, arg

from vlp.domains.base import DEFAULT, domain
from vlp.errors import FolderError, UsageError
from vlp.session.listed import HINT, one_or_more

MOST_EPISODES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Write scripted demonstrations as a LeRobotDataset v3.0, with words for every step."""

    uses_torch: ClassVar[bool] = False

    out: Path
    """A new or empty folder."""
    episodes: int
    """How many."""
    kind: Annotated[str, arg(metavar="KIND")] = "mixed"
    """Of the world's kinds, or all of them. tabletop: play (random pushes), push (one that is asked for),
    long (a whole long task), failures among them; corrected (what the expert does from where the policy of
    --models got, alone or shown the outcome), corrected-long (on the way to a long task), corrected-lost
    (there, from where it was about to push a block off the board), timelapse (long tasks without physics, two
    pictures a second, for world-vlm), timelapse-own (what --models do on long tasks, and what would be
    next; for world-vlm alone), program (goals of one or two relations, such as "gather the cubes") and
    timelapse-program (the same without physics), never among all.
    metaworld: expert, disturbed, play."""
    first_seed: int = 0
    """Episode i has this seed + i; of corrected ones a seed gives several, or none."""
    families: Annotated[UseAppendAction[tuple[Annotated[str, one_or_more("FAMILY")], ...]], HINT] = ()
    """tabletop: only pushes of these families, of kinds play, push and corrected."""
    models: Path | None = None
    """Learned weights whose policy is corrected."""
    world: str = DEFAULT
    """Whose demonstrations; see vlp worlds."""

    def run(self) -> int:
        for name, value, low, high in (
            ("episodes", self.episodes, 1, MOST_EPISODES),
            ("first seed", self.first_seed, 0, 2**31 - 1),
        ):
            if not low <= value <= high:
                raise UsageError(f"{name}: expected {low} to {high}, got {value}; choose one in this range")
        from tasks.data.layout import DatasetError

        try:
            done = self._collect()
        except DatasetError as error:
            raise FolderError(str(error)) from error
        print(f"{self.episodes} episodes, {done} of them successes, in {self.out}")
        return 0

    def _collect(self) -> int:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from vlp.terminal import stderr

        columns = (
            TextColumn("episodes"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("time left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=stderr()) as bar:
            task = bar.add_task("", total=self.episodes)
            given: dict[str, Any] = {"models": self.models, "families": self.families}
            return domain(self.world).collect(
                self.out,
                episodes=self.episodes,
                kind=self.kind,
                first_seed=self.first_seed,
                progress=lambda _: bar.advance(task),
                **{name: value for name, value in given.items() if value},
            )
