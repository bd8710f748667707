"""Goal-conditioned inverse dynamics on latents: what is seen now and what is wanted to the next actions."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from tasks.learning.attention import waves
from video.latent.points import Points

REACH = 48
"""Control steps: an action says little about a frame that is to come next, but where a robot is then; which
thing is to be moved whereto, and how it must be touched for that, is seen in one further ahead."""


class LatentPolicy(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Points of both pictures, and what is to be done of these: all that is asked is where things are, and
    where they are wanted.

    Args:
        channels, height, width: of a latent frame [C, h, w].
        actions: A, numbers of an action.
        chunk: k, actions a call.
        reach: control steps ahead that a wanted frame may be at most.
        maps, hidden, blocks: of the points.
        wide: of what settles actions.
    """

    @register_to_config
    def __init__(
        self,
        *,
        channels: int,
        height: int,
        width: int,
        actions: int,
        chunk: int = 6,
        reach: int = REACH,
        maps: int = 32,
        hidden: int = 48,
        blocks: int = 3,
        wide: int = 512,
    ) -> None:
        super().__init__()
        told = 128
        self.left = nn.Sequential(nn.Linear(12, told), nn.SiLU(), nn.Linear(told, told), nn.SiLU())
        self.points = Points(
            2 * channels, height, width, condition=told, maps=maps, hidden=hidden, blocks=blocks
        )
        self.settle = nn.Sequential(
            nn.Linear(self.points.size + told, wide), nn.GELU(), nn.Linear(wide, wide), nn.GELU(),
            nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, chunk * actions),
        )  # fmt: skip
        self.to(memory_format=torch.channels_last)

    def forward(self, now: Tensor, wanted: Tensor, left: Tensor) -> Tensor:
        """Latents of unit scale [N, C, h, w] each, control steps left [N] until the second is wanted, to
        actions of unit scale [N, k, A]."""
        condition = self.left(waves(left[:, None].float() / self.config.reach))
        points = self.points(torch.cat([now, wanted], 1), condition)
        found = self.settle(torch.cat([points, condition], 1))
        return torch.as_tensor(found.unflatten(1, (self.config.chunk, -1)))
