"""The network of video and action, each with noise levels of its own: a U-Net around a transformer.

After Unified World Models (Zhu et al., 2025) and Diffusion Forcing (Chen et al., 2024): what is known has
level 0, what is not asked for level 1, so one network imagines, predicts, explains and acts.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from tasks.learning.attention import waves
from video.latent.blocks import PLACED, ModulatedBlock, Pair, Reader
from video.latent.copying import Copied, coordinates
from video.latent.layers import Layers
from video.latent.marking import Marked
from video.latent.points import Points
from video.latent.prior import ActionPrior

SUM = 0.35
"""What summed actions are multiplied by, so that they are about as large as the actions."""


class WorldModel(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts clean latents and actions of a clip.

    Things are drawn by convolutions at the latents' own size, where one that is drawn in one place is drawn
    anywhere (U-Net, Ronneberger et al., 2015); what moves where is settled at a quarter of it by a
    transformer that sees the cells, the actions and the words (as in U-ViT, Bao et al., 2023). Frames are
    channels. All convolutions are modulated by the words and the actions (FiLM, Perez et al., 2018).
    What moves is mostly what was seen before, elsewhere: each cell may copy from any cell of the first frame
    (as a pointer does, Vinyals et al., 2015), by a gate of its own.

    Args:
        frames: T, future frames; also T chunks of actions, one before each.
        channels, height, width_: of a latent frame [C, h, w].
        chunk: numbers in a chunk of actions.
        vocabulary: entries of the tokenizer.
        motion: what differences of unit latents are divided by, see `Scale`.
        width, layers, heads, text_layers: of the transformer; convolutions are half and a quarter as wide.
    """

    @register_to_config
    def __init__(
        self,
        *,
        frames: int,
        channels: int,
        height: int,
        width_: int,
        chunk: int,
        vocabulary: int,
        motion: float = 1.0,
        width: int = 256,
        layers: int = 6,
        heads: int = 4,
        text_layers: int = 2,
    ) -> None:
        super().__init__()
        self.grid = (-(-height // 4), -(-width_ // 4))
        thin, half = width // 4, width // 2
        self.text = Reader(vocabulary, width, heads, text_layers)
        self.level = nn.Sequential(nn.Linear(24 * frames, width), nn.SiLU(), nn.Linear(width, width))
        self.said, self.done = nn.Linear(width, width), nn.Linear(2 * frames * chunk, width)
        for name, (rows, columns) in (("fine", (4 * self.grid[0], 4 * self.grid[1])), ("cells", self.grid)):
            self.register_buffer(f"where_{name}", coordinates(rows, columns), persistent=False)
        known = self.where_fine.shape[1]
        self.stem = nn.Conv2d((frames + 1) * channels, thin, 3, padding=1)
        self.at = nn.ModuleList([nn.Conv2d(known, thin, 1), nn.Conv2d(known, width, 1)])
        self.copied = Copied(frames, channels, thin, known)
        self.prior = ActionPrior(
            frames=frames, chunk=chunk, size=(channels, height, width_), vocabulary=vocabulary, width=width,
            heads=heads, text_layers=text_layers,
        )  # fmt: skip
        self.wholes = Layers(channels, width, thin, known, 2 * chunk)
        self.marked = Marked(channels, self.copied.size, width, thin, known, Layers.COUNT)
        self.seen = nn.ModuleList([Pair(thin, thin, width), Pair(half, half, width)])
        self.down = nn.ModuleList(
            [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in ((thin, half), (half, width))]
        )
        self.coarse, self.settled = Pair(width, width, width), Pair(width, width, width)
        self.place = nn.Parameter(PLACED * torch.randn(self.grid[0] * self.grid[1], width))
        self.action = nn.Linear(2 * chunk + 12, width)
        self.points = Points(channels, height, width_, condition=12, maps=16)
        self.pointed = nn.Linear(2 * self.points.size, width)
        self.likely = nn.Linear(2 * chunk, width)
        self.time = nn.Parameter(PLACED * torch.randn(frames, width))
        self.shift = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList([ModulatedBlock(width, heads) for _ in range(layers)])
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in ((width, half), (half, thin))]
        )
        self.drawn = nn.ModuleList([Pair(2 * half, half, width), Pair(2 * thin, thin, width)])
        self.last = nn.GroupNorm(8, thin)
        self.out_video = nn.Conv2d(thin, frames * channels, 3, padding=1)
        self.norm, self.out_action = nn.LayerNorm(width), nn.Linear(width, chunk)
        for layer in (self.shift, self.out_video, self.out_action, *self.at):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.to(memory_format=torch.channels_last)  # half as fast again on a CPU

    def sketch(self, first: Tensor, named: Tensor, action: Tensor) -> Tensor:
        """The motions of latents that clean actions [N, T, chunk] make, told without the large parts; named
        [N, width], of the prior."""
        where = self.where_fine[..., : first.shape[-2], : first.shape[-1]]
        moved, _ = self.wholes(first, named, summed(action), where)
        return torch.as_tensor(moved / self.config.motion)

    def forward(
        self,
        first: Tensor,
        video: Tensor,
        action: Tensor,
        levels: tuple[Tensor, Tensor],
        words: Tensor,
        acted: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Clean motions of latents [N, T, C, h, w] and clean chunks [N, T, chunk].

        first [N, C, h, w]; video [N, T, C, h, w] noisy differences from it; action [N, T, chunk] noisy;
        levels [N, T] each in 0..1; words [N, L]; acted [N], False where a clip has no actions.
        """
        height, width = first.shape[-2:]
        acted = acted if acted is not None else torch.ones_like(first[:, 0, 0, 0], dtype=torch.bool)
        waved = [waves(level[..., None]) for level in levels]
        moves = summed(action)
        text, is_word, said = self.text(words)
        named, mean = self.prior(first, words)
        level = self.level(torch.cat(waved, -1).flatten(1)) + self.said(said)
        level = F.silu(level + self.done(moves.flatten(1)) * acted[:, None])
        x = self.stem(F.pad(torch.cat([first, video.flatten(1, 2)], 1), (0, -width % 4, 0, -height % 4)))
        x = x + self.at[0](self.where_fine)
        skips = []
        for block, down in zip(self.seen, self.down, strict=True):
            skips.append(block(x, level))
            x = down(skips[-1])
        acts = self.action(torch.cat([moves, waved[1]], -1)) + self.time
        acts = acts + self.pointed(self.point(first, video, levels[0], waved[0]))
        acts = acts + self.likely(summed(mean.detach())) + named[:, None]
        x = self.coarse(x, level) + self.at[1](self.where_cells)
        x, acts = self.settle(x, acts, level, (text, is_word), acted)
        for up, block in zip(self.up, self.drawn, strict=True):
            x = block(torch.cat([up(x), skips.pop()], 1), level)
        y = F.silu(self.last(x))[..., :height, :width]
        acts, where = self.norm(acts), self.where_fine[..., :height, :width]
        known = torch.where(acted[:, None], levels[1], 1.0)
        clean_acts = self.prior.estimate(mean, action.float(), known) + self.out_action(acts).float()
        moved, masks = self.wholes(first, named, summed(clean_acts.detach()), where, acts)
        change, asked, gate = self.marked(acts, y, where, masks)
        clean = self.out_video(y).unflatten(1, video.shape[1:3]) + change
        clean = clean + (moved + self.copied(first, y, where, asked, gate)) / self.config.motion
        return clean, clean_acts

    def point(self, first: Tensor, video: Tensor, level: Tensor, waved: Tensor) -> Tensor:
        """Points of the first frame and of each frame [N, T, 2 * size]; those of noise count for nothing."""
        count, frames = level.shape
        still = waves(torch.zeros_like(level[:, :1]))
        before = self.points(first, still)[:, None].expand(-1, frames, -1)
        noisy = first[:, None] + video * self.config.motion
        after = self.points(noisy.flatten(0, 1), waved.flatten(0, 1)).unflatten(0, (count, frames))
        return torch.cat([before, (1 - level)[..., None] * (after - before)], -1)

    def settle(
        self, coarse: Tensor, moves: Tensor, level: Tensor, words: tuple[Tensor, Tensor], acted: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cells [N, width, h / 4, w / 4] and actions [N, T, width] once each has looked at all others."""
        text, is_word = words
        cells = coarse.flatten(2).transpose(1, 2) + self.place
        x = torch.cat([text, cells, moves], 1)
        seen = torch.cat(
            [is_word, is_word.new_ones(cells.shape[:2]), acted[:, None].expand(moves.shape[:2])], 1
        )
        shift = self.shift(level)[:, None]
        for block in self.blocks:
            x = block(x, seen[:, None, None], shift)
        lead = text.shape[1]
        mixed = x[:, lead : lead + cells.shape[1]].transpose(1, 2).reshape(len(x), -1, *self.grid)
        return self.settled(mixed, level), x[:, lead + cells.shape[1] :]


def summed(actions: Tensor) -> Tensor:
    """Chunks [N, T, chunk] with their sums so far [N, T, 2 * chunk]: where a robot is comes of all that it
    did before."""
    return torch.cat([actions, SUM * actions.cumsum(1)], -1)
