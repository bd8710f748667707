"""A trained model of video and action on disk: autoencoder, network, tokenizer, scales of its numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import torch
from diffusers import AutoencoderDC
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from video.latent.clips import Scale
from video.latent.dynamics import Dynamics
from video.latent.exposure import Exposure
from video.latent.flow import FlowDynamics
from video.latent.model import WorldModel
from video.latent.prior import ActionPrior
from video.latent.rolling import Rolling
from video.latent.saved import save
from video.latent.termination import Termination

SCALE = "scale.json"
EXTRA: Final = {
    "rolling": Rolling,
    "flow": FlowDynamics,
    "termination": Termination,
    "dynamics": Dynamics,
}
"""Of a folder and of a bundle, the parts that may be there."""
WHOLE, PRIOR = "transformer", "prior"
"""Of a folder, one of the two."""


class LatentWeightsError(ValueError):
    """A folder that holds no such model, or part of one."""


@dataclass(eq=False)
class LatentBundle:
    """All that the four uses need."""

    autoencoder: Any
    network: WorldModel | ActionPrior
    """The whole network, or its action prior where nothing else of it was trained."""
    tokenizer: Any
    scale: Scale
    size: tuple[int, int]
    """Height and width of the pictures that it knows, pixels."""
    stride: int
    """Control steps from frame to frame."""
    fps: float
    """Control steps a second."""
    rolling: Rolling | None = None
    """What imagines a short way at a time, where it was trained."""
    termination: Termination | None = None
    """What tells when a subgoal is over, where it was trained."""
    dynamics: Dynamics | None = None
    """What imagines and explains a short way at a time, where it was trained: before all others."""
    flow: FlowDynamics | None = None
    """What imagines a short way at a time by where things were seen before, where it was trained: before a
    rolling model."""
    exposure: Exposure | None = None
    """The light of the pictures that it learned from; None where that was not measured."""

    @property
    def is_whole(self) -> bool:
        """Whether the whole network is there."""
        return isinstance(self.network, WorldModel)

    @property
    def rolls(self) -> bool:
        """Whether it imagines a short way at a time."""
        return not (self.rolling is None and self.flow is None and self.dynamics is None)

    @property
    def explains(self) -> bool:
        """Whether it tells what actions lie behind a clip."""
        return self.is_whole or self.dynamics is not None

    @property
    def prior(self) -> ActionPrior:
        """What words make likely."""
        found: Any = self.network.prior if self.is_whole else self.network
        return found  # type: ignore[no-any-return]

    @property
    def whole(self) -> WorldModel:
        """What explains, and samples video and actions. Raises LatentWeightsError where it is not there."""
        whole: Any = self.network
        if not self.is_whole:
            raise LatentWeightsError(
                "models: expected weights of the whole network, got an action prior, which cannot do this; "
                "train without --no-whole"
            )
        return whole  # type: ignore[no-any-return]

    @torch.no_grad()
    def see(self, pictures: Tensor) -> Tensor:
        """Latents [N, C, h, w] of unit scale of pictures [N, 3, H, W] in -1..1."""
        latent: Tensor = self.autoencoder.encode(pictures).latent.float()
        mean, std = self.scale.latent_mean.to(latent), self.scale.latent_std.to(latent)
        return (latent - mean) / std

    def save(self, folder: Path) -> None:
        """Write a folder; weights as safetensors in bf16."""
        network = WHOLE if self.is_whole else PRIOR
        parts = {"autoencoder": self.autoencoder, network: self.network}
        for name, part in (parts | {name: getattr(self, name) for name in EXTRA}).items():
            if part is not None:
                save(part, folder / name)
        self.tokenizer.save_pretrained(folder / "tokenizer")
        about = {name: _plain(value) for name, value in vars(self.scale).items()}
        about |= {"size": list(self.size), "stride": self.stride, "fps": self.fps}
        if self.exposure is not None:
            about["exposure"] = self.exposure.as_dict()
        (folder / SCALE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """Read a folder. Raises LatentWeightsError."""
        try:
            about = json.loads((folder / SCALE).read_text(encoding="utf-8"))
            scale = Scale(
                torch.tensor(about["latent_mean"])[:, None, None],
                torch.tensor(about["latent_std"])[:, None, None],
                float(about["motion"]),
                torch.tensor(about["action_mean"]),
                torch.tensor(about["action_std"]),
            )
            alone = (folder / PRIOR).is_dir()
            parts = (AutoencoderDC, ActionPrior if alone else WorldModel)
            names = ("autoencoder", PRIOR if alone else WHOLE)
            autoencoder, network = (
                part.from_pretrained(folder / name).float().to(device).eval()
                for part, name in zip(parts, names, strict=True)
            )
            extra: dict[str, Any] = {
                name: part.from_pretrained(folder / name).float().to(device).eval()
                for name, part in EXTRA.items()
                if (folder / name).is_dir()
            }
            tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer")
            size = (int(about["size"][0]), int(about["size"][1]))
            return cls(
                autoencoder, network, tokenizer, scale, size, int(about["stride"]), float(about["fps"]),
                exposure=Exposure.read(about.get("exposure")), **extra,
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError) as error:
            raise LatentWeightsError(
                f"models: expected a model of `vlp train world` in {folder}, got {error}; train or choose one"
            ) from error


def _plain(value: Any) -> Any:
    return value.flatten().tolist() if isinstance(value, Tensor) else value
