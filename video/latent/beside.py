"""What is trained beside the model of video and action, on its frames and with its autoencoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.data.layout import DatasetError
from video.latent.asked import WorldTraining
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.config import PRESETS, LatentConfig
from video.latent.eye import trained_autoencoder
from video.latent.latents import Latents
from video.latent.store import FrameStore, pack


@dataclass(frozen=True, kw_only=True)
class BesideTraining:
    """What such a run is asked for."""

    data: Sequence[Path]
    world: Path
    """Folder of the model of video and action, whose packed frames and autoencoder are used."""
    folder: Path
    """Of checkpoints; the weights go to `world`, beside the others."""
    minutes: float
    sizes: LatentConfig = PRESETS["nano"]
    """Of the model of video and action."""
    camera: str | None = None
    device: str = "cpu"
    workers: int = 0

    def frames(self, report: Callable[[str], None]) -> tuple[FrameStore, Latents, Any]:
        """The data, their latents, and the autoencoder that these are of.

        Raises DatasetError for data that cannot be learned from, and where that model is not there.
        """
        store = pack(self.data, self.world / "store", camera=self.camera, report=report, pictures=False)
        run = WorldTraining(
            data=self.data, folder=self.world, config=self.sizes, minutes=0, device=self.device
        )
        eye = trained_autoencoder(run, store)
        return store, Latents(eye, store, self.world / "latents"), eye

    def model(self) -> LatentBundle:
        """The model that it stands beside. Raises DatasetError where that is not there."""
        try:
            return LatentBundle.load(self.world / "weights")
        except LatentWeightsError as error:
            raise DatasetError(f"{error}: run `vlp train world` on the same data first") from error
