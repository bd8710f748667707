"""Dynamics: what one beat of actions makes of a frame, and which actions made one frame of another."""

from __future__ import annotations

from itertools import pairwise

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from tasks.learning.attention import waves
from video.latent.blocks import PLACED, ModulatedBlock, Pair
from video.latent.copying import coordinates
from video.latent.noise import shifted
from video.latent.points import found

BEAT = 3
"""Control steps of a beat at most."""
SHIFT = 4.0
"""How much more often a change is seen at high levels, see `video.latent.noise`."""


class Dynamics(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A denoising world model, rolled on a beat at a time.

    A U-Net draws the next latent frame from the last two and from what is sent (DIAMOND, Alonso et al.,
    "Diffusion for world modeling: Visual details matter in Atari", 2024): what a push does is the same
    wherever it happens, which convolutions know, and within a beat little else moves. Frame and actions have
    noise levels of their own (Unified World Models, Zhu et al., 2025): actions known, it predicts; both
    frames known, it explains. Words are not needed: they say what is likely to be sent, see `ActionPrior`.

    Args:
        channels, height, width_: of a latent frame [C, h, w].
        actions: A, numbers of an action.
        beat: control steps from a frame to the next that it predicts.
        span: beats from a frame to the later one that it explains.
        motion: what differences between them are divided by.
        widths: features at the latents' size, at half, and at a quarter of it.
        layers, heads: of the transformer at a quarter.
        condition: numbers that tell actions and levels.
    """

    MAPS, COARSE = 16, 8
    """Places and features that tell which actions were sent."""
    where: Tensor
    """[1, known, h, w]."""

    @register_to_config
    def __init__(
        self,
        *,
        channels: int,
        height: int,
        width_: int,
        actions: int,
        beat: int,
        span: int,
        motion: float,
        widths: tuple[int, int, int] = (96, 192, 256),
        layers: int = 2,
        heads: int = 4,
        condition: int = 256,
    ) -> None:
        super().__init__()
        thin, half, wide = widths
        rows, columns = -(-height // 4), -(-width_ // 4)
        where = coordinates(4 * rows, 4 * columns)
        self.register_buffer("where", where, persistent=False)
        self.chunk = beat * actions
        self.told = nn.Sequential(
            nn.Linear(2 * self.chunk + 14, condition), nn.SiLU(), nn.Linear(condition, condition), nn.SiLU()
        )
        self.stem = nn.Conv2d(3 * channels, thin, 3, padding=1)
        self.at = nn.Conv2d(where.shape[1], thin, 1)
        self.seen = nn.ModuleList([Pair(thin, thin, condition), Pair(half, half, condition)])
        self.down = nn.ModuleList(
            [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in ((thin, half), (half, wide))]
        )
        self.coarse, self.settled = Pair(wide, wide, condition), Pair(wide, wide, condition)
        self.place = nn.Parameter(PLACED * torch.randn(rows * columns, wide))
        self.blocks = nn.ModuleList([ModulatedBlock(wide, heads) for _ in range(layers)])
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in ((wide, half), (half, thin))]
        )
        self.drawn = nn.ModuleList([Pair(2 * half, half, condition), Pair(2 * thin, thin, condition)])
        self.last = nn.GroupNorm(8, thin)
        self.change = nn.Conv2d(thin, channels, 3, padding=1)
        self.high = nn.Conv2d(thin, self.MAPS, 3, padding=1)
        self.small = nn.Conv2d(wide, self.COARSE, 1)
        known = 3 * self.MAPS + self.COARSE * rows * columns + condition
        self.sent = nn.Sequential(
            nn.Linear(known, 2 * condition), nn.SiLU(), nn.Linear(2 * condition, span * self.chunk)
        )
        for layer in (self.change, self.at, self.sent[2]):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)

    def forward(
        self, before: Tensor, now: Tensor, noisy: Tensor, acts: Tensor, levels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The clean change [N, C, h, w], in `motion`, from now to the next frame, and what was sent
        [N, span * chunk] where that is to a later one.

        before, now [N, C, h, w]: of unit scale; noisy [N, C, h, w]: the change at its level; acts
        [N, 2, chunk]: what was sent before now, and what is sent then; levels [N, 3]: that of the change in
        0..1, and of either of these whether it is known (0) or not (1).
        """
        height, width = now.shape[-2:]
        acts = acts * (1 - levels[:, [2, 1]])[..., None]
        condition = self.told(torch.cat([acts.flatten(1), waves(levels[:, :1]), levels[:, 1:]], 1))
        x = F.pad(torch.cat([now, now - before, noisy], 1), (0, -width % 4, 0, -height % 4))
        x = self.stem(x) + self.at(self.where)
        skips = []
        for block, down in zip(self.seen, self.down, strict=True):
            skips.append(block(x, condition))
            x = down(skips[-1])
        x = self.settle(self.coarse(x, condition))
        x = self.settled(x, condition)
        small = self.small(x).flatten(1)
        for up, block in zip(self.up, self.drawn, strict=True):
            x = block(torch.cat([up(x), skips.pop()], 1), condition)
        x = F.silu(self.last(x))
        places = found(self.high(x), self.where).to(small.dtype)
        clean = self.change(x)[..., :height, :width].float()
        return clean, self.sent(torch.cat([places, small, condition.to(small.dtype)], 1)).float()

    def settle(self, x: Tensor) -> Tensor:
        """Cells [N, wide, h / 4, w / 4] once each has looked at all others."""
        cells = x.flatten(2).transpose(1, 2) + self.place
        for block in self.blocks:
            cells = block(cells, None)
        return cells.transpose(1, 2).reshape(x.shape).contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def go(
        self, before: Tensor, now: Tensor, last: Tensor | None, sent: Tensor, noise: Tensor, steps: int = 1
    ) -> Tensor:
        """The next frame [N, C, h, w], of the change that what is `sent` [N, chunk] makes, from noise
        [N, C, h, w] by so many Euler steps (flow matching, clean prediction); `last` [N, chunk]: what was
        sent before, where that is known."""
        change, levels = noise, torch.zeros(len(now), 3, device=now.device)
        levels[:, 2] = float(last is None)
        acts = torch.stack([sent if last is None else last, sent], 1)
        sigmas = shifted(torch.linspace(1, 0, steps + 1), SHIFT).tolist()
        for level, then in pairwise(sigmas):
            levels[:, 0] = level
            clean, _ = self(before, now, change, acts, levels)
            change = clean + then / level * (change - clean)
        return torch.as_tensor(now + change * self.config.motion)

    @torch.no_grad()
    def explain(self, before: Tensor, now: Tensor, later: Tensor) -> Tensor:
        """What was sent [N, span * chunk] from now to a later frame `span` beats on, each [N, C, h, w]."""
        levels = torch.tensor([0.0, 1.0, 1.0], device=now.device).expand(len(now), 3)
        nothing = torch.zeros(len(now), 2, self.chunk, device=now.device)
        return torch.as_tensor(self(before, now, (later - now) / self.config.motion, nothing, levels)[1])
