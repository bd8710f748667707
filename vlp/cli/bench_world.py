"""`vlp bench WORLD`: methods side by side under a protocol that somebody else has published."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, UseAppendAction, arg

from vlp.bench.log import EpisodeLog
from vlp.bench.published import Choice, PublishedRun, Renderer
from vlp.bench.worlds import protocol
from vlp.cli.episodes import MOST_WORKERS, check_range, explained
from vlp.process import print_result, stdout_for_result
from vlp.session.listed import HINT, one_or_more
from vlp.settings import Device

_Methods = Annotated[UseAppendAction[tuple[Annotated[str, one_or_more("METHOD")], ...]], HINT]
_Budgets = Annotated[UseAppendAction[tuple[Annotated[str, one_or_more("BUDGET")], ...]], HINT]
_Tasks = Annotated[UseAppendAction[tuple[Annotated[str, one_or_more("TASK")], ...]], HINT]
_Cameras = Annotated[UseAppendAction[tuple[Annotated[str, one_or_more("CAMERA")], ...]], HINT]
_Folder = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class BenchWorld:
    """Measure methods in another world under its published protocol; called again, it goes on."""

    uses_torch: ClassVar[bool] = True

    world: Positional[Annotated[str, arg(metavar="WORLD")]]
    """Which world; metaworld has one: that of AVDC."""
    track: Annotated[str, arg(metavar="165|more")]
    """What the models were trained on: the protocol's 165 videos, or more. It is said above the table."""
    models: _Folder = None
    """Weights of vlp train world."""
    bc: _Folder = None
    """Weights of vlp train bc."""
    method: _Methods = ()
    """Which methods (all): expert, random, bc, unipi, act, once, single, ours."""
    budget: _Budgets = ()
    """When the next plan is made (all): limit (at most 5 replans), free (every 12 steps), equal (12 N)."""
    task: _Tasks = ()
    """Which tasks (all), by name, such as door-open."""
    camera: _Cameras = ()
    """Before which cameras (all): corner, corner2, corner3."""
    layouts: int = 25
    """A task and camera."""
    first_seed: int = 1_000_000
    """Layout i has this seed + i."""
    clips: int = 4
    """N, clips of a plan of ours."""
    choose: Choice = "consistency"
    """By what ours chooses among them: inverse consistency, or the learned VLM's steps-to-go."""
    follow: Literal["explain", "policy", "joint"] = "explain"
    """How clips are followed: explained anew at each frame, by the policy of vlp train world-policy, or by
    the actions that they were imagined with."""
    sampling_steps: int = 8
    """Denoising steps a clip."""
    renderer: Renderer = "fast"
    """default: with shadows, reflections and multisampling, as MuJoCo draws."""
    workers: int = 1
    """Processes."""
    device: Device = "auto"
    """Where models run; auto takes a GPU when there is one."""
    out: Path = Path("runs/bench-world")
    """Folder of episodes.jsonl, summary.json, table.md and (extra viz) success.png, success against clips and
    seconds; episodes that are in it are not run again."""
    json: bool = False
    """Print the summary as one line of JSON, the last on stdout."""

    def run(self) -> int:
        for name, value, low, high in (
            ("layouts", self.layouts, 1, 1000),
            ("clips", self.clips, 1, 64),
            ("sampling steps", self.sampling_steps, 1, 100),
            ("workers", self.workers, 1, MOST_WORKERS),
        ):
            check_range(name, value, low, high)
        published, log = protocol(self.world), self.out.absolute() / "episodes.jsonl"
        asked = published.check(self._asked())
        with stdout_for_result(), EpisodeLog(log) as book, explained(log):
            from vlp.bench.session import write_json

            result = published.run(asked, book, workers=self.workers)
            write_json(self.out / "summary.json", result)
            said = published.table(result)
            (self.out / "table.md").write_text(said, encoding="utf-8")
            if find_spec("matplotlib") is not None:
                published.draw(result, self.out / "success.png")
        if self.json:
            print_result(result)
        else:
            print(f"{said}\nsummary: {self.out / 'summary.json'}")
        return 0

    def _asked(self) -> PublishedRun:
        return PublishedRun(
            track=self.track,
            models=self.models,
            bc=self.bc,
            methods=self.method,
            budgets=self.budget,
            tasks=self.task,
            cameras=self.camera,
            layouts=self.layouts,
            first_seed=self.first_seed,
            clips=self.clips,
            choose=self.choose,
            follow=self.follow,
            sampling_steps=self.sampling_steps,
            renderer=self.renderer,
            device=self.device,
        )
