"""`vlp imagine`: clips of what words would look like, from one picture and any trained weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from vlp.cli.episodes import check_range
from vlp.cli.shown_picture import ShownPicture, empty_folder
from vlp.domains.base import DEFAULT
from vlp.latent.folder import BUNDLED_LATENT
from vlp.process import stdout_for_result
from vlp.session.listed import HINT, one_or_more
from vlp.settings import Device

if TYPE_CHECKING:
    from planner import Frames

MOST_CLIPS = 64


@dataclass(frozen=True, kw_only=True)
class Imagine:
    """Imagine clips from a picture and words: a filmstrip with a row a clip, and a film of each."""

    uses_torch: ClassVar[bool] = True

    words: Positional[Annotated[str, arg(metavar="WORDS")]]
    """What is to happen, such as "push the red moon to the left"."""
    frame: Annotated[UseAppendAction[tuple[Annotated[Path, one_or_more("PICTURE", Path)], ...]], HINT] = ()
    """The first picture, of any size; one for each camera where the weights know several."""
    world: str = DEFAULT
    """dataset:PATH takes the first picture of one of its episodes where no --frame is given."""
    episode: int = 0
    """Which one."""
    models: Annotated[Path, arg(metavar="{latent,PATH}")] = Path("latent")
    """The weights: those that are bundled, of the tabletop, or a folder as vlp train world leaves it."""
    out: Annotated[Path, arg(metavar="PATH")] = Path("imagined")
    """A new or empty folder for the filmstrip and the films."""
    clips: int = 4
    """How many."""
    seed: int = 0
    """Of the first clip; clip i has this seed + i."""
    steps: int = 4
    """Of sampling."""
    device: Device = "auto"
    """Where to imagine; auto takes a GPU when there is one."""

    def __post_init__(self) -> None:
        if str(self.models) == "latent":
            object.__setattr__(self, "models", BUNDLED_LATENT)

    def run(self) -> int:
        """Raises UsageError, FolderError and WeightsError before anything is written."""
        check_range("clips", self.clips, 1, MOST_CLIPS)
        check_range("steps", self.steps, 1, 100)
        check_range("seed", self.seed, 0, 2**32 - 1 - MOST_CLIPS)
        self._shown().check()
        empty_folder(self.out)
        with stdout_for_result():
            sheet = self._imagine()
        print(f"{sheet}: {self.clips} clips, a row each; films beside it")
        return 0

    def _shown(self) -> ShownPicture:
        return ShownPicture(self.words, self.frame, self.models, self.world, self.episode)

    def _imagine(self) -> Path:
        from vlp.models.learned import Learned

        models = Learned.load(self.models, device=self.device, steps=self.steps, with_vlm=False)
        models.check_words(self.words)
        first = self._shown().first(models)
        seeds = [self.seed + i for i in range(self.clips)]
        found = models.pipeline.imagine(first[None].repeat(self.clips, 0), [self.words] * self.clips, seeds)
        return self._write(first, found, models.bundle.fps / models.bundle.stride)

    def _write(self, first: Frames, found: Frames, rate: float) -> Path:
        """The filmstrip, with the first picture before each clip [T, H, W, 3]; a film of each."""
        from fractions import Fraction

        import numpy as np

        from tasks.data.video_file import write_video
        from vlp.record.filmstrip import sheet, strip, write_png

        self.out.mkdir(parents=True, exist_ok=True)
        whole = np.concatenate([first[None].repeat(len(found), 0)[:, None], found], 1)
        write_png(self.out / "clips.png", sheet([strip(clip, gap=2) for clip in whole], gap=2))
        for number, clip in enumerate(whole):
            path = self.out / f"clip-{number:02d}.mp4"
            write_video(path, clip, Fraction(rate).limit_denominator(1000), pixel_format="yuv444p")
        return self.out / "clips.png"
