"""`vlp bench`: methods side by side on the same boards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tyro.conf import Positional, UseAppendAction, arg

from vlp.bench.log import EpisodeLog
from vlp.bench.names import DEFAULT_METHODS, TASKS, EngineName, MethodName, Stop, TaskName
from vlp.bench.ray_available import check_ray
from vlp.bench.worlds import suite
from vlp.cli.episodes import MOST_EPISODES, check_episodes, check_range, explained
from vlp.domains.base import domain
from vlp.evaluate import FIRST_SEED
from vlp.models.weights import BUNDLED
from vlp.process import print_result, stdout_for_result
from vlp.session.listed import HINT, one_or_more_of
from vlp.settings import Device, Settings

if TYPE_CHECKING:
    from vlp.bench.protocol import Execution

_Folder = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Measure methods on whole episodes of long tasks, paired by seed; called again, it goes on."""

    uses_torch: ClassVar[bool] = True

    what: Positional[Annotated[Literal["execution"], arg(metavar="execution")]]
    """What is measured: execution, whole episodes."""
    tasks: Annotated[UseAppendAction[tuple[Annotated[TaskName, one_or_more_of(TaskName)], ...]], HINT] = ()
    """Long tasks: move to an area, group by color, make a line (all three)."""
    episodes: int = 50
    """A task and method."""
    first_seed: int = FIRST_SEED
    """Episode i has this seed + i; training seeds end below the default."""
    method: Annotated[
        UseAppendAction[tuple[Annotated[MethodName, one_or_more_of(MethodName)], ...]], HINT
    ] = ()
    """Which methods (all but the bounds, which see more than a camera shows)."""
    stop: Stop = "own"
    """Who ends an episode: the agent itself, or the simulator's verdict, which no camera gives; own tells
    what that would have been, too."""
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
    out: Path = Path("runs/bench")
    """Folder of episodes.jsonl and summary.json; episodes that are in it already are not run again."""
    json: bool = False
    """Print the summary as one line of JSON, the last on stdout."""

    def run(self) -> int:
        self._check()
        weights, log = self.weights or BUNDLED, self.out.absolute() / "episodes.jsonl"
        domain().verify(weights)
        with stdout_for_result(), EpisodeLog(log) as book, explained(log):
            from vlp.bench.session import execution

            result = execution(
                self.asked(), weights.absolute(), book, workers=self.workers, engine=self.engine
            )
        self._show(result)
        return 0

    def asked(self) -> Execution:
        """What is asked for, each name once; without any, all tasks and all methods but the bounds."""
        from vlp.bench.protocol import Execution

        return Execution(
            suite=suite("bench"),
            tasks=tuple(dict.fromkeys(self.tasks or TASKS)),
            methods=tuple(dict.fromkeys(self.method or DEFAULT_METHODS)),
            episodes=self.episodes,
            first_seed=self.first_seed,
            settings=self._settings(),
            stop=self.stop,
        )

    def _settings(self) -> Settings:
        return Settings(max_control_steps=self.max_control_steps, device=self.device)

    def _show(self, result: dict[str, Any]) -> None:
        if self.json:
            print_result(result)
            return
        from rich.console import Console

        from vlp.bench.table import WIDTH, table

        console = Console()
        console.width = max(console.width, WIDTH)  # a row that is wider than the terminal stays one row
        console.print(table(result["tasks"]))
        print(f"summary: {self.out / 'summary.json'}")

    def _check(self) -> None:
        check_episodes(self.episodes, self.first_seed, self.workers)
        check_range("tasks", len(self.tasks), 0, len(TASKS))
        check_range("methods", len(self.method), 0, MOST_EPISODES)
        # Settings and Ray as well are looked at before anything heavy is imported.
        self._settings()
        if self.engine == "ray":
            check_ray()
