"""Goal-conditioned inverse dynamics on latents: what is seen now and what is wanted to the next actions."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from tasks.learning.attention import waves
from video.latent.points import Points


class Halved(nn.Module):
    """A residual block of convolutions that halves the size (He et al., 2016), modulated by a vector."""

    def __init__(self, before: int, after: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride=2, padding=1)
        self.second, self.skip = nn.Conv2d(after, after, 3, padding=1), nn.Conv2d(before, after, 1, stride=2)
        self.norms = nn.ModuleList([nn.GroupNorm(8, after), nn.GroupNorm(8, after, affine=False)])
        self.modulate = nn.Linear(condition, 2 * after)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, before, h, w] to [N, after, h / 2, w / 2]; condition [N, condition]."""
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, 1)
        y = F.silu(self.norms[0](self.first(x)))
        y = self.norms[1](self.second(y)) * (1 + scale) + shift
        return F.silu(y + self.skip(x))


class LatentPolicy(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Convolutions over both pictures' latents and their difference, down to a few cells, which are kept
    apart: where things are is what is asked. Beside them points of each picture and of both together.

    Args:
        channels, height, width: of a latent frame [C, h, w].
        actions: A, numbers of an action.
        chunk: k, actions a call.
        reach: control steps ahead that a wanted frame may be at most.
        widths: of the stages, each half as large as the one before.
        maps: points of each picture, and twice as many of both.
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
        reach: int = 12,
        widths: tuple[int, ...] = (64, 96, 128),
        maps: int = 16,
    ) -> None:
        super().__init__()
        hidden, stages = 128, len(widths)
        self.left = nn.Sequential(nn.Linear(12, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.stem = nn.Conv2d(3 * channels, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(
            [Halved(a, b, hidden) for a, b in zip((widths[0], *widths), widths, strict=False)]
        )
        cells = (-(-height // 2**stages)) * (-(-width // 2**stages))
        sizes: dict[str, int] = {"rows": height, "columns": width, "condition": hidden, "hidden": 48}
        self.points = nn.ModuleList(
            [Points(k * channels, maps=k * maps, **sizes) for k in (1, 2)]  # of each picture, and of both
        )
        self.squeeze = nn.Conv2d(widths[-1], 64, 1)
        self.head = nn.Sequential(
            nn.Linear(64 * cells + hidden + 3 * 4 * maps, 512), nn.SiLU(), nn.Linear(512, 256), nn.SiLU()
        )
        self.out = nn.Linear(256, chunk * actions)
        self.to(memory_format=torch.channels_last)

    def forward(self, now: Tensor, wanted: Tensor, left: Tensor) -> Tensor:
        """Latents of unit scale [N, C, h, w] each, control steps left [N] until the second is wanted, to
        actions of unit scale [N, k, A]."""
        condition = self.left(waves(left[:, None].float() / self.config.reach))
        x = F.silu(self.stem(torch.cat([now, wanted, wanted - now], 1)))
        for stage in self.stages:
            x = stage(x, condition)
        both = torch.cat([now, wanted], 1)
        points = [
            self.points[0](now, condition), self.points[0](wanted, condition), self.points[1](both, condition)
        ]  # fmt: skip
        x = torch.cat([F.silu(self.squeeze(x)).flatten(1), condition, *points], 1)
        return torch.as_tensor(self.out(self.head(x)).unflatten(1, (self.config.chunk, -1)))
