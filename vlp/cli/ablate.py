"""`vlp ablate`: one thing of the agent is changed at a time, beside the paper's figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from vlp.ablate.plots_available import check_plots
from vlp.ablate.variants import HORIZON, Ablation, AblationName, budget, execution, extraction, planning
from vlp.bench.log import EpisodeLog
from vlp.bench.names import TASKS, EngineName, Stop, TaskName
from vlp.bench.ray_available import check_ray
from vlp.bench.worlds import suite
from vlp.cli.episodes import check_episodes, check_range, explained
from vlp.errors import UsageError
from vlp.evaluate import FIRST_SEED
from vlp.models.weights import BUNDLED, verify
from vlp.process import print_result, stdout_for_result
from vlp.session.listed import HINT, one_or_more, one_or_more_of
from vlp.settings import TREE, Device, Settings

if TYPE_CHECKING:
    from vlp.ablate.protocol import AskedAblation

MOST_FILMS = 20
_Folder = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]
_Tasks = Annotated[UseAppendAction[tuple[Annotated[TaskName, one_or_more_of(TaskName)], ...]], HINT]
_Seconds = Annotated[UseAppendAction[tuple[Annotated[float, one_or_more("FLOAT", float)], ...]], HINT]


@dataclass(frozen=True, kw_only=True)
class Ablate:
    """Measure what a part of the agent is worth, on the same boards; called again, it goes on."""

    uses_torch: ClassVar[bool] = True

    what: Positional[Annotated[AblationName, arg(metavar="{planning,execution,extraction,budget}")]]
    """How wide imagined plans are searched, how wide and far acted ones are, how actions come from a clip, or
    how long a decision searches."""
    tasks: _Tasks = ()
    """Long tasks; without any those of the paper, for budget all three."""
    episodes: int = 50
    """A task and variant."""
    first_seed: int = FIRST_SEED
    """Episode i has this seed + i; training seeds end below the default."""
    horizon: Annotated[int | None, arg(metavar="INT", help_behavior_hint="")] = None
    """planning: levels that a plan may have (16)."""
    seconds: _Seconds = ()
    """budget: seconds of search a decision (1 3 10 30)."""
    films: int = 2
    """Boards of which the page shows filmstrips."""
    stop: Stop = "own"
    """Who ends an acted episode: the agent itself, or the simulator's verdict, which no camera gives."""
    engine: EngineName = "process"
    """Processes on this machine, or Ray (RAY_ADDRESS names a cluster)."""
    workers: int = 2
    """Episodes at a time; each takes some 1.5 GB of memory."""
    max_control_steps: int = 1500
    """Control steps of 0.1 s an episode."""
    device: Device = "auto"
    """Where models run; auto takes a GPU when there is one."""
    weights: _Folder = None
    """Folder of weights, else the bundled ones."""
    out: _Folder = None
    """Folder of episodes.jsonl, summary.json, plot.png and ablation.html, else one in runs/; episodes that
    are in it already are not run again."""
    json: bool = False
    """Print the summary as one line of JSON, the last on stdout."""

    def run(self) -> int:
        self._check()
        weights, log = self.weights or BUNDLED, self.folder.absolute() / "episodes.jsonl"
        verify(weights)
        with stdout_for_result(), EpisodeLog(log) as book, explained(log):
            from vlp.ablate.session import ablate

            result = ablate(
                self.asked(), weights.absolute(), book,
                workers=self.workers, engine=self.engine, boards=self.films,
            )  # fmt: skip
        self._show(result)
        return 0

    def asked(self) -> AskedAblation:
        """What is asked for, each task once; without any, those of the paper."""
        from vlp.ablate.protocol import AskedAblation

        ablation = self.ablation()
        return AskedAblation(
            suite=suite("ablate"),
            ablation=ablation,
            tasks=tuple(dict.fromkeys(self.tasks or ablation.tasks)),
            episodes=self.episodes,
            first_seed=self.first_seed,
            settings=self.settings(),
            stop=self.stop,
        )

    @property
    def folder(self) -> Path:
        """Where results go."""
        return self.out or Path("runs") / f"ablate-{self.what}"

    def ablation(self) -> Ablation:
        """What is asked for. Raises UsageError for an option that belongs to another ablation."""
        if self.horizon is not None and self.what != "planning":
            raise UsageError(f"horizon: expected with planning only, got it with {self.what}; leave it out")
        if self.seconds and self.what != "budget":
            raise UsageError(f"seconds: expected with budget only, got them with {self.what}; leave them out")
        if self.what == "planning":
            return planning(HORIZON if self.horizon is None else self.horizon)
        if self.what == "budget":
            return budget(self.seconds) if self.seconds else budget()
        return execution() if self.what == "execution" else extraction()

    def settings(self) -> Settings:
        """What all variants have in common."""
        return replace(TREE, max_control_steps=self.max_control_steps, device=self.device)

    def _show(self, result: dict[str, Any]) -> None:
        if self.json:
            print_result(result)
            return
        from rich.console import Console

        from vlp.ablate.table import WIDTH, table

        console = Console()
        console.width = max(console.width, WIDTH)  # a row that is wider than the terminal stays one row
        console.print(table(result))
        print(f"page: {self.folder / 'ablation.html'}")

    def _check(self) -> None:
        """What can be found wrong before anything heavy is imported or anything is written."""
        check_episodes(self.episodes, self.first_seed, self.workers)
        check_range("films", self.films, 0, MOST_FILMS)
        check_range("tasks", len(self.tasks), 0, len(TASKS))
        for variant in self.ablation().variants:
            variant.of(self.settings())
        check_plots()
        if self.engine == "ray":
            check_ray()
