"""`vlp bench`: methods side by side on the same boards, video models on the same clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from tyro.conf import Positional, UseAppendAction, arg

from vlp.bench.log import EpisodeLog
from vlp.bench.names import DEFAULT_METHODS, TASKS, EngineName, MethodName, Stop, TaskName
from vlp.bench.ray_available import check_ray
from vlp.bench.worlds import suite
from vlp.cli.episodes import MOST_EPISODES, check_episodes, check_range, explained
from vlp.domains.base import DEFAULT, domain
from vlp.errors import UsageError
from vlp.evaluate import FIRST_SEED
from vlp.models.chosen import Pretrained, parse_size
from vlp.models.weights import BUNDLED
from vlp.process import print_result, stdout_for_result
from vlp.session.listed import HINT, one_or_more, one_or_more_of
from vlp.settings import TREE, Device, Settings

if TYPE_CHECKING:
    from vlp.bench.protocol import Execution

EXECUTION: Final = Path("runs/bench")
VIDEO: Final = Path("runs/bench-video")
_Folder = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Measure methods on whole episodes of long tasks, paired by seed; called again, it goes on. Or video
    models on the same held-out clips."""

    uses_torch: ClassVar[bool] = True

    what: Positional[Annotated[Literal["execution", "video"], arg(metavar="{execution,video}")]]
    """What is measured: execution, whole episodes; video, clips imagined from those of --data."""
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
    out: _Folder = None
    """Folder of episodes.jsonl and summary.json (runs/bench); episodes that are in it already are not run
    again. video: of clips.jsonl and summary.json (runs/bench-video)."""
    video: Annotated[UseAppendAction[tuple[Annotated[str, one_or_more("MODEL")], ...]], HINT] = ()
    """video: models: copy (nothing moves), slots (the preset), or PATH of vlp train world's weights or of a
    diffusers image-to-video pipeline."""
    data: _Folder = None
    """video: a LeRobotDataset v3.0 that no model was trained on."""
    camera: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """video: whose pictures of --data, where there are several cameras."""
    clips: int = 200
    """video: how many; first those that begin with their words."""
    steps: int = 4
    """video: of sampling, of vlp train world's weights."""
    world: str = DEFAULT
    """video: whose judge looks at the clips, and whose preset slots is."""
    video_steps: Annotated[int | None, arg(metavar="INT", help_behavior_hint="")] = None
    """video: denoising steps of a pipeline, else its own."""
    video_size: Annotated[str | None, arg(metavar="HxW", help_behavior_hint="")] = None
    """video: pixels at which a pipeline imagines, else its own."""
    video_frames: Annotated[int | None, arg(metavar="INT", help_behavior_hint="")] = None
    """video: frames that a pipeline imagines, the first included, else its own."""
    json: bool = False
    """Print the summary as one line of JSON, the last on stdout."""

    def run(self) -> int:
        if self.what == "video":
            return self._video()
        if self.video or self.data is not None:
            raise UsageError("video, data: expected vlp bench video with them, got execution; leave them out")
        self._check()
        weights = self.weights or BUNDLED
        log = (self.out or EXECUTION).absolute() / "episodes.jsonl"
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
        return replace(TREE, max_control_steps=self.max_control_steps, device=self.device)

    def _show(self, result: dict[str, Any]) -> None:
        if self.json:
            print_result(result)
            return
        from rich.console import Console

        from vlp.bench.table import WIDTH, table

        console = Console()
        console.width = max(console.width, WIDTH)  # a row that is wider than the terminal stays one row
        console.print(table(result["tasks"]))
        print(f"summary: {(self.out or EXECUTION) / 'summary.json'}")

    def _video(self) -> int:
        if self.tasks or self.method:
            raise UsageError(
                "tasks, method: expected vlp bench execution with them, got video; leave them out"
            )
        check_range("clips", self.clips, 2, MOST_EPISODES)
        check_range("steps", self.steps, 1, 100)
        if self.data is None:
            raise UsageError("data: expected a dataset that was held out, got none; give --data PATH")
        pretrained = Pretrained(
            source="",
            steps=self.video_steps,
            size=None if self.video_size is None else parse_size("video-size", self.video_size),
            frames=self.video_frames,
        )
        with stdout_for_result():
            from vlp.bench.video.session import VideoBench, run

            out = self.out or VIDEO
            found = run(
                VideoBench(
                    videos=self.video, data=self.data, out=out, clips=self.clips, camera=self.camera,
                    world=self.world, weights=self.weights, device=self.device, steps=self.steps,
                    pretrained=pretrained,
                )
            )  # fmt: skip
        if self.json:
            print_result(found)
            return 0
        from rich.console import Console

        from vlp.bench.table import WIDTH
        from vlp.bench.video.summary import table

        console = Console()
        console.width = max(console.width, WIDTH)
        console.print(table(found["models"]))
        print(f"summary: {out / 'summary.json'}")
        return 0

    def _check(self) -> None:
        check_episodes(self.episodes, self.first_seed, self.workers)
        check_range("tasks", len(self.tasks), 0, len(TASKS))
        check_range("methods", len(self.method), 0, MOST_EPISODES)
        # Settings and Ray as well are looked at before anything heavy is imported.
        self._settings()
        if self.engine == "ray":
            check_ray()
