"""`vlp imagine`: clips of what words would look like, from one picture and any trained weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from vlp.cli.episodes import check_range
from vlp.errors import FolderError, UsageError, WeightsError
from vlp.process import stdout_for_result
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
    frame: Annotated[Path, arg(metavar="PICTURE")]
    """The first picture."""
    models: Annotated[Path, arg(metavar="PATH")]
    """The weights, as vlp train world leaves them."""
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

    def run(self) -> int:
        """Raises UsageError, FolderError and WeightsError before anything is written."""
        check_range("clips", self.clips, 1, MOST_CLIPS)
        check_range("steps", self.steps, 1, 100)
        check_range("seed", self.seed, 0, 2**32 - 1 - MOST_CLIPS)
        if not self.words.strip():
            raise UsageError("words: expected what is to happen, got nothing; say it")
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise FolderError(f"out: expected a new or empty folder, got {self.out}; choose another one")
        with stdout_for_result():
            sheet = self._imagine()
        print(f"{sheet}: {self.clips} clips, a row each; films beside it")
        return 0

    def _imagine(self) -> Path:
        from video.latent.bundle import LatentBundle, LatentWeightsError
        from video.latent.pipeline import LatentPipeline
        from vlp.models.device import choose_device

        try:
            bundle = LatentBundle.load(self.models, choose_device(self.device))
        except LatentWeightsError as error:
            raise WeightsError(str(error)) from error
        first = self._picture(bundle.size)
        seeds = [self.seed + i for i in range(self.clips)]
        pipeline = LatentPipeline(bundle, steps=self.steps)
        found = pipeline.imagine(first[None].repeat(self.clips, 0), [self.words] * self.clips, seeds)
        return self._write(first, found, bundle.fps / bundle.stride)

    def _picture(self, size: tuple[int, int]) -> Frames:
        """The first picture, uint8 [H, W, 3] of the weights' size."""
        import numpy as np
        from PIL import Image, UnidentifiedImageError

        from vlp.session.picture import PictureError, fitted

        try:
            with Image.open(self.frame) as picture:
                return fitted(np.array(picture.convert("RGB")), (*size, 3))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, PictureError) as error:
            raise UsageError(
                f"frame: expected a picture that can be read, got {self.frame}: {error}; give another one"
            ) from error

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
