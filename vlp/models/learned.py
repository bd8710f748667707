"""Learned models of a world without a simulator: clips from pixels and words, and the VLM beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from PIL import Image, UnidentifiedImageError

from planner import Frames
from tasks.data.dataset_about import read_about
from tasks.data.dataset_rows import read_rows
from tasks.data.fitting import CameraView, letterboxed
from tasks.data.footage import FootageReader
from tasks.data.layout import DatasetError
from video.latent import text
from video.latent.bundle import LatentBundle
from video.latent.pipeline import LatentPipeline
from vlp.errors import FolderError, UsageError, WeightsError
from vlp.latent.folder import VLM, opened
from vlp.latent.sight import too_long
from vlp.models.device import choose_device
from vlp.models.source import Source
from vlp.session.picture import PictureError, fitted
from vlp.vlm.latent.vlm import LatentVLM

WORLD: Final = "dataset:"
"""Before the folder of a dataset that stands for a world."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What a weights folder of `vlp train world` holds."""

    folder: Path
    bundle: LatentBundle
    pipeline: LatentPipeline
    source: Source | None
    """None for weights that do not say what they were shown."""
    vlm: LatentVLM | None

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto", steps: int = 4, with_vlm: bool = True) -> Self:
        """The model of video, and the VLM beside it. Raises WeightsError."""
        place = choose_device(device)
        bundle = opened(folder, place)
        source, beside = Source.load(folder), folder / VLM
        there = with_vlm and beside.is_dir()
        vlm = LatentVLM.load(beside, device=place) if there else None
        told = Source.load(beside) if there else None
        if told is not None and told.size != bundle.size:
            raise WeightsError(
                f"models: expected a VLM of pictures of {bundle.size} in {beside}, got one of {told.size}; "
                "train both on the same data and size"
            )
        return cls(folder, bundle, LatentPipeline(bundle, steps=steps), source, vlm)

    def check_words(self, words: str) -> None:
        """Raises UsageError for words that are not read to their end."""
        if unread := text.cut(self.bundle.tokenizer, words):
            raise UsageError(f"words: {too_long(words, unread)}")

    def first(self, pictures: Sequence[Path]) -> Frames:
        """The picture that the models see, uint8 [H, W, 3]: one file, or one for each of their cameras,
        brought to their size. Raises UsageError."""
        cameras = self.source.cameras if self.source is not None else ("",)
        if len(pictures) not in (1, len(cameras)):
            names = f"; their cameras, from left to right: {', '.join(cameras)}" if self.source else ""
            raise UsageError(
                f"frame: expected one picture, or {len(cameras)} as these weights have cameras, "
                f"got {len(pictures)}{names}"
            )
        whole = CameraView(size=self.bundle.size).tiles([None] * len(pictures))
        tiles = [tile for tile in whole if tile is not None]
        return np.concatenate([_read(path, tile) for path, tile in zip(pictures, tiles, strict=True)], 1)

    def first_of(self, world: str, episode: int) -> Frames:
        """The first picture of an episode of "dataset:PATH". Raises UsageError, FolderError, and WeightsError
        for weights of another world."""
        root = Path(world.removeprefix(WORLD))
        try:
            cameras = self.source.cameras if self.source is not None else ()
            about = read_about(root, cameras)
            self._check(root, about.action_names)
            rows = {row.number: row for row in read_rows(about)}
            if episode not in rows:
                raise UsageError(
                    f"seed: expected an episode of {root}, {min(rows, default=0)} to {max(rows, default=0)}, "
                    f"got {episode}; choose one"
                )
            view = CameraView(cameras, self.bundle.size)
            return np.asarray(FootageReader(about, view).read(rows[episode]).rgb[0])
        except DatasetError as error:
            raise FolderError(f"world: {error}") from error

    def _check(self, root: Path, names: tuple[str, ...]) -> None:
        if self.source is not None and self.source.action_names != names:
            raise WeightsError(
                f"models: expected weights of a world with actions {', '.join(names) or 'without names'}, as "
                f"{root} has, got {', '.join(self.source.action_names) or 'none'}; train on this data"
            )


def _read(path: Path, tile: tuple[int, int]) -> Frames:
    """A picture of any size, as training had it. Raises UsageError."""
    try:
        with Image.open(path) as picture:
            pixels = np.array(picture.convert("RGB"))
        fitted(pixels, (*tile, 3))  # too small a one is refused
        return letterboxed(pixels, tile)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, PictureError) as error:
        raise UsageError(
            f"frame: expected a picture that can be read, got {path}: {error}; give another one"
        ) from error
