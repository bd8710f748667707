"""`vlp train`: train one of the bundled models on this machine, or fine-tune a pretrained one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, UseAppendAction, arg

from vlp.domains.base import DEFAULT, domain
from vlp.errors import UsageError
from vlp.models.chosen import check_source, parse_size
from vlp.session.listed import HINT, one_or_more, one_or_more_of
from vlp.settings import Device

MOST_MINUTES = 100_000.0
TrackerName = Literal["tensorboard", "wandb"]


@dataclass(frozen=True)
class Train:
    """Train one model for so many minutes; called again, it goes on from its checkpoint. With --base,
    fine-tune a pretrained one instead (docs/models.md)."""

    uses_torch: ClassVar[bool] = True

    part: Positional[
        Annotated[
            Literal[
                "perception",
                "judge",
                "renderer",
                "video",
                "policy",
                "vlm",
                "programs",
                "whole-video",
                "language-policy",
                "world",
                "world-vlm",
                "world-policy",
                "bc",
            ],
            arg(
                metavar="{perception,judge,renderer,video,policy,vlm,programs,whole-video,language-policy,"
                "world,world-vlm,world-policy,bc}"
            ),
        ]
    ]
    """Which model; world: the model of video and action, from the pixels, words and actions of --data;
    world-vlm: the VLM beside it, from the pixels and words; world-policy: what acts out its clips, from the
    pixels, actions and words; bc: a policy cloned from --data, to compare with in worlds that have it."""
    minutes: float
    """How long; 0 exports what is trained already."""
    start: Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """Where there is no checkpoint, go on from this weights folder (such as vlp/bundled; world and world-vlm:
    such as vlp/bundled_latent; world-vlm wants the same again each time)."""
    keep: float = 0.0
    """world, world-vlm with --start: share (0 to 1) of the start's weights in those that are written. A half
    keeps nearly all of what they could, beside nearly all of what is learned; checkpoints go on without."""
    learning_rate: Annotated[float | None, arg(metavar="FLOAT", help_behavior_hint="")] = None
    """Where the cosine starts, else the part's own; a run that goes on wants a lower one."""
    device: Device = "auto"
    """Where to train; auto takes a GPU when there is one."""
    cache: Path = Path(".cache")
    """Folder of data and checkpoints."""
    export: Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """Write the trained weights, their card and the manifest to this weights folder; with --base, the new
    folder of the fine-tuned model."""
    base: Annotated[str | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """Fine-tune this folder or repository on --data: vlm of transformers, video of diffusers."""
    data: Annotated[UseAppendAction[tuple[Annotated[Path, one_or_more("PATH", Path)], ...]], HINT] = ()
    """A LeRobotDataset (v3.0, v2.1) with a task in words, such as vlp collect writes; see vlp check. world,
    world-vlm, world-policy: again for more of the same robot and camera."""
    world: str = DEFAULT
    """Whose parts; see vlp worlds."""
    preset: Literal["nano", "base"] = "nano"
    """world: its size, for two cores or for a GPU."""
    camera: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """Whose pictures of --data, by feature name or its end; needed where there are several cameras. Several
    with commas are seen side by side."""
    held_out: Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """world: a dataset to look at while it trains, else a twentieth of the episodes is set apart."""
    corrected: Annotated[UseAppendAction[tuple[Annotated[Path, one_or_more("PATH", Path)], ...]], HINT] = ()
    """world, world-vlm, world-policy: a dataset of vlp collect --kind corrected, which half of the samples
    are drawn from (of the VLM a fifth, most about ends of subgoals); again for each further round's."""
    timelapse: Annotated[UseAppendAction[tuple[Annotated[Path, one_or_more("PATH", Path)], ...]], HINT] = ()
    """world, world-vlm: a dataset of vlp collect --kind timelapse, or any of the same camera and words at
    whatever rate, from which ends of subgoals, and of world-vlm most, are learned; again for more of them."""
    own: Annotated[UseAppendAction[tuple[Annotated[Path, one_or_more("PATH", Path)], ...]], HINT] = ()
    """world-vlm: a dataset of vlp collect --kind timelapse-own, from which as much is learned as from those
    of --timelapse; again for more of them."""
    whole: bool = True
    """world: train the whole network; without it, its action prior alone, which acts, and beside
    which a rolling model, flows or dynamics imagine."""
    rolling: float = 0.0
    """world: minutes, after the others, of a rolling model, which imagines a short way at a time; for worlds
    in which a robot and the things that it pushes are small beside the picture."""
    flow: float = 0.0
    """world: minutes, after the others, of flows, which imagine a short way at a time by where each pixel was
    seen before, in the place of a rolling model; for a camera that stands still."""
    dynamics: float = 0.0
    """world: minutes, after the others, of dynamics, which imagine and explain a short way at a time in the
    place of these, in any world, and take many times as many samples."""
    track: Annotated[
        UseAppendAction[tuple[Annotated[TrackerName, one_or_more_of(TrackerName)], ...]], HINT
    ] = ()
    """world: also tell these trackers of accelerate how it goes."""
    lora: bool = False
    """Train low-rank adapters only."""
    rank: int = 16
    """Of the adapters."""
    size: Annotated[str | None, arg(metavar="HxW", help_behavior_hint="")] = None
    """video --base: pixels at which it learns (480x640); world: of the whole picture, multiples of 8, else as
    recorded where that can be learned from."""
    frames: Annotated[int | None, arg(metavar="INT", help_behavior_hint="")] = None
    """video --base: frames of a clip, the first included (49)."""

    def run(self) -> int:
        least = self.minutes > 0 or (self.minutes == 0 and self.export is not None)
        if not (math.isfinite(self.minutes) and least and self.minutes <= MOST_MINUTES):
            raise UsageError(
                f"minutes: expected more than 0 and at most {MOST_MINUTES:g}, got {self.minutes:g}; "
                "choose such a time"
            )
        if self.part != "world" and (self.held_out is not None or self.track):
            raise UsageError(f"held-out, track: expected the part world, got {self.part}; leave them out")
        if self.part != "world" and not self.whole:
            raise UsageError(f"no-whole: expected the part world, got {self.part}; leave it out")
        for name, minutes in (
            ("rolling", self.rolling), ("flow", self.flow), ("dynamics", self.dynamics)
        ):  # fmt: skip
            if self.part != "world" and minutes:
                raise UsageError(f"{name}: expected the part world, got {self.part}; leave it out")
            if not (math.isfinite(minutes) and 0 <= minutes <= MOST_MINUTES):
                raise UsageError(
                    f"{name}: expected 0 to {MOST_MINUTES:g} minutes, got {minutes:g}; choose such a time"
                )
        if self.part not in ("world", "world-vlm", "world-policy") and self.corrected:
            raise UsageError(
                "corrected: expected the part world, world-vlm or world-policy, "
                f"got {self.part}; leave it out"
            )
        if self.part not in ("world", "world-vlm") and self.timelapse:
            raise UsageError(
                f"timelapse: expected the part world or world-vlm, got {self.part}; leave it out"
            )
        if self.part != "world-vlm" and self.own:
            raise UsageError(f"own: expected the part world-vlm, got {self.part}; leave it out")
        if self.keep and (self.start is None or self.part not in ("world", "world-vlm")):
            given = self.part if self.start is not None else "no --start"
            raise UsageError(
                f"keep: expected the part world or world-vlm with --start, got {given}; leave it out"
            )
        if not 0 <= self.keep <= 1:
            raise UsageError(f"keep: expected 0 to 1, got {self.keep:g}; choose such a share")
        if self.part in ("world", "world-vlm", "world-policy"):
            return self._world()
        if self.part == "bc":
            return self._cloned()
        if self.base is not None:
            return self._finetune(self.base)
        for name in ("data", "camera", "lora", "size", "frames"):
            if getattr(self, name):
                raise UsageError(f"{name}: expected --base PATH with it, got none; give both or neither")
        domain(self.world).train(
            self.part,
            minutes=self.minutes,
            device=self.device,
            cache=self.cache,
            export=self.export,
            start=self.start,
            learning_rate=self.learning_rate,
        )
        return 0

    def _world(self) -> int:
        if not self.data or not self.minutes:
            raise UsageError(f"{self.part}: expected --data and minutes above 0 with it; give both")
        for name in ("base", "lora", "frames", *(("start",) if self.part == "world-policy" else ())):
            if getattr(self, name):
                raise UsageError(f"{name}: expected another part than {self.part} with it; leave it out")
        from vlp.train.world import WorldTask, train, train_actions, train_words

        of = {"world": train, "world-vlm": train_words, "world-policy": train_actions}
        weights = of[self.part](
            WorldTask(
                data=self.data, minutes=self.minutes, preset=self.preset, camera=self.camera,
                size=self.size, device=self.device, cache=self.cache, export=self.export,
                learning_rate=self.learning_rate, held_out=self.held_out, trackers=self.track,
                corrected=self.corrected, timelapses=self.timelapse, own=self.own, rolling=self.rolling,
                flow=self.flow, dynamics=self.dynamics,
                whole=self.whole, start=self.start, kept=self.keep,
            )
        )  # fmt: skip
        more = f": vlp imagine WORDS --frame PICTURE --models {weights}" if self.part == "world" else ""
        print(f"{weights}{more}")
        return 0

    def _one(self) -> Path:
        """The dataset of parts that learn from a single one."""
        if len(self.data) > 1:
            raise UsageError(
                f"data: expected one dataset for the part {self.part}, got {len(self.data)}; give one"
            )
        return self.data[0]

    def _cloned(self) -> int:
        if not self.data or not self.minutes:
            raise UsageError("bc: expected --data and minutes above 0 with it; give both")
        for name in ("base", "start", "lora", "size", "frames"):
            if getattr(self, name):
                raise UsageError(f"{name}: expected another part than bc with it; leave it out")
        record = domain(self.world).train(
            "bc", data=self._one(), camera=self.camera, minutes=self.minutes, device=self.device,
            cache=self.cache, export=self.export, learning_rate=self.learning_rate,
        )  # fmt: skip
        print(f"{record['weights']}: loss {record['loss']:.4f} after {record['steps']} steps")
        return 0

    def _finetune(self, base: str) -> int:
        if self.part not in ("vlm", "video"):
            raise UsageError(f"base: expected the part vlm or video with it, got {self.part}; choose one")
        if self.part == "vlm" and (self.size or self.frames):
            raise UsageError("size, frames: expected the part video with them, got vlm; leave them out")
        if self.frames is not None and self.frames < 2:
            raise UsageError(f"frames: expected 2 or more, got {self.frames}; choose such a number")
        if not self.data or self.export is None or not self.minutes:
            raise UsageError("base: expected --data, --export and minutes above 0 with it; give all of them")
        if not 1 <= self.rank <= 1024:
            raise UsageError(f"rank: expected 1 to 1024, got {self.rank}; choose such a number")
        from vlp.train.finetune import Task, finetune

        record = finetune(
            Task(
                part=self.part,
                base=check_source("base", base),
                data=self._one(),
                export=self.export,
                minutes=self.minutes,
                lora=self.lora,
                rank=self.rank,
                learning_rate=self.learning_rate,
                device=self.device,
                size=None if self.size is None else parse_size("size", self.size),
                frames=self.frames,
                camera=self.camera,
            )
        )
        print(
            f"loss {record['first_loss']:.3f} -> {record['last_loss']:.3f} in {record['steps']} steps; "
            f"{self.export} loads with --{self.part} "
            f"{'transformers' if self.part == 'vlm' else 'diffusers'}:{self.export}"
        )
        return 0
