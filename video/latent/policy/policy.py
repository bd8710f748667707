"""The policy as the runtime wants it: pictures in, actions out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.learning.precision import fast
from video.latent import text
from video.latent.autoencoder import encode
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.policy.network import ANY_TIME, NOTHING, LatentPolicy

Frame = NDArray[np.uint8]
FOLDER = "policy"
"""Of a bundle, where the network is."""


class PicturePolicy:
    """From a frame now and what is wanted, as a frame, in words or both, to actions. The last goal is encoded
    once.

    Args:
        bundle: whose autoencoder, words and scales it was trained with.
    """

    def __init__(self, bundle: LatentBundle, network: LatentPolicy) -> None:
        self._bundle, self._network = bundle, network.eval()
        self._goal: tuple[Frame, torch.Tensor] | None = None

    @classmethod
    def load(cls, bundle: LatentBundle, folder: Path) -> Self:
        """Of the weights beside a bundle's in `folder`. Raises LatentWeightsError."""
        device = next(bundle.prior.parameters()).device
        try:
            network: Any = LatentPolicy.from_pretrained(folder / FOLDER).float().to(device)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise LatentWeightsError(
                f"models: expected a policy of `vlp train world-policy` in {folder / FOLDER}, got {error}; "
                "train or choose one"
            ) from error
        return cls(bundle, network)

    @property
    def reach(self) -> int:
        """Control steps ahead that a wanted frame may be at most."""
        return int(self._network.config.reach)

    @torch.inference_mode()
    def actions(
        self, frame: Frame, goal_frame: Frame | None, left: int = ANY_TIME, words: str = ""
    ) -> NDArray[np.float32]:
        """Frames uint8 [H, W, 3], the second None where words alone say what is wanted, control steps until
        it is (ANY_TIME where nobody knows), to actions float32 [k, A] in the dataset's units."""
        now, device = self._see(frame), self._network.device
        wanted = torch.zeros_like(now) if goal_frame is None else self._see_goal(goal_frame)
        time = torch.tensor([NOTHING if goal_frame is None else min(left, self.reach)], device=device)
        told = text.encode(self._bundle.tokenizer, [words]).to(device)
        with fast(device.type):
            unit = self._network(now, wanted, time, told).expected
        scale = self._bundle.scale
        return np.asarray((unit[0].float().cpu() * scale.action_std + scale.action_mean).numpy(), np.float32)

    def _see_goal(self, frame: Frame) -> torch.Tensor:
        if self._goal is None or not np.array_equal(self._goal[0], frame):
            self._goal = (frame.copy(), self._see(frame))
        return self._goal[1]

    def _see(self, frame: Frame) -> torch.Tensor:
        scale, latent = self._bundle.scale, encode(self._bundle.autoencoder, frame[None])
        device = latent.device
        return (latent - scale.latent_mean.to(device)) / scale.latent_std.to(device)
