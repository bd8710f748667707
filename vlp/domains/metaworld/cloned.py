"""Behaviour cloning, the baseline: a convolutional network from one picture and a task to the next action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from video.latent.store import FrameStore
from vlp.latent.imagination import scaled

SHIFT: Final = 4
"""Pixels by which a picture is moved about in training, at most."""


class ClonedPolicy(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures and tasks to actions, by their mean.

    Args:
        texts: words that it knows, one embedding each.
        size: pixels a side of the pictures.
        actions: numbers of an action.
        width: channels of the last layers.
    """

    @register_to_config
    def __init__(self, texts: Sequence[str], size: int = 128, actions: int = 4, width: int = 128) -> None:
        super().__init__()
        self.words = nn.Embedding(len(texts), 2 * width)
        widths = (5, 32, 64, width, width, width)
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in pairwise(widths)
        )
        side = -(-size // 2 ** len(self.layers))
        self.head = nn.Sequential(
            nn.Linear(width * side * side, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(),
            nn.Linear(256, actions),
        )  # fmt: skip

    def forward(self, pictures: Tensor, words: Tensor) -> Tensor:
        """Pictures [N, 3, H, W] in -1..1 and numbers of texts [N] to actions [N, A]."""
        rows = torch.linspace(-1, 1, pictures.shape[-1], device=pictures.device)
        places = torch.stack(torch.meshgrid(rows, rows, indexing="ij"))
        hidden = torch.cat([pictures, places.expand(len(pictures), -1, -1, -1)], 1)
        scale, shift = self.words(words)[:, :, None, None].chunk(2, 1)
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden)
            if number >= len(self.layers) - 3:
                hidden = hidden * (1 + scale) + shift
            hidden = F.relu(hidden)
        return self.head(hidden.flatten(1))  # type: ignore[no-any-return]

    @torch.no_grad()
    def action(self, frame: NDArray[np.uint8], words: str) -> NDArray[np.float32]:
        """The next one [A]. Raises ValueError for words that it does not know."""
        number, size = list(self.config.texts).index(words), int(self.config.size)
        return self(_pixels(scaled(frame[None], (size, size))), torch.tensor([number]))[0].float().numpy()  # type: ignore[no-any-return]


def loss(model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Squared error of the actions."""
    error = F.mse_loss(model(batch["pictures"], batch["words"]).float(), batch["actions"])
    return error, {"error": float(error.detach())}


def batches(store: FrameStore, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
    """Random steps of episodes that succeeded, for ever, moved about by some pixels."""
    rng = np.random.default_rng(seed)
    good = np.repeat(store.success, store.stop - store.start) & store.acted
    rows = np.flatnonzero(good)
    while True:
        chosen = np.sort(rng.choice(rows, size))
        frames = np.stack([_shifted(store.frames[row], rng) for row in chosen])
        yield {
            "pictures": _pixels(frames),
            "words": torch.from_numpy(store.text[chosen, 1]),
            "actions": torch.from_numpy(store.actions[chosen]),
        }


def _shifted(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    padded = np.pad(frame, ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    row, column = rng.integers(0, 2 * SHIFT + 1, 2)
    return padded[row : row + frame.shape[0], column : column + frame.shape[1]]


def _pixels(frames: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1
