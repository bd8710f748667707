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
from video.latent.text import MAX_TOKENS


class ModulatedBlock(nn.Module):
    """A pre-norm block with QK-norm; modulated by one shared projection and a bias of its own (adaLN-single,
    Chen et al., "PixArt-alpha", 2023)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width, elementwise_affine=False) for _ in range(2)])
        self.q_norm, self.k_norm = (nn.RMSNorm(width // heads, elementwise_affine=False) for _ in range(2))
        self.bias = nn.Parameter(torch.zeros(6 * width))

    def forward(self, x: Tensor, mask: Tensor | None, shift: Tensor | None = None) -> Tensor:
        """x [N, L, width]; mask [N, 1, 1, L] True where a token may be looked at; shift [N, L, 6 * width]."""
        parts = self.bias if shift is None else self.bias + shift
        a, b, gate, c, d, gate2 = parts.chunk(6, -1)
        x = x + (1 + gate) * self.attend(self.norms[0](x) * (1 + a) + b, mask)
        return torch.as_tensor(x + (1 + gate2) * self.mlp(self.norms[1](x) * (1 + c) + d))

    def attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Self-attention."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q).to(v.dtype), self.k_norm(k).to(v.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return torch.as_tensor(self.out(mixed.transpose(1, 2).flatten(2)))


class Convolved(nn.Module):
    """A residual block of convolutions, modulated by a vector (Dhariwal and Nichol, 2021)."""

    def __init__(self, before: int, after: int, condition: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(8, before), nn.GroupNorm(8, after, affine=False)])
        self.convs = nn.ModuleList(
            [nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)]
        )
        self.modulate = nn.Linear(condition, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.convs[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, before, h, w] to [N, after, h, w]; condition [N, condition]."""
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, 1)
        y = self.convs[0](F.silu(self.norms[0](x)))
        y = F.silu(self.norms[1](y) * (1 + scale) + shift)
        return torch.as_tensor(self.skip(x) + self.convs[1](y))


class WorldModel(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts clean latents and actions of a clip.

    Things are drawn by convolutions at the latents' own size, where one that is drawn in one place is drawn
    anywhere (U-Net, Ronneberger et al., 2015); what moves where is settled at half of it by a transformer
    that sees the cells, the actions and the words (as in U-ViT, Bao et al., 2023). Frames are channels.

    Args:
        frames: T, future frames; also T chunks of actions, one before each.
        channels, height, width_: of a latent frame [C, h, w].
        chunk: numbers in a chunk of actions.
        vocabulary: entries of the tokenizer.
        width, layers, heads, text_layers: of the transformer; the convolutions are half as wide.
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
        width: int = 256,
        layers: int = 6,
        heads: int = 4,
        text_layers: int = 2,
    ) -> None:
        super().__init__()
        self.grid = (-(-height // 2), -(-width_ // 2))
        cells, thin = self.grid[0] * self.grid[1], width // 2
        self.words = nn.Embedding(vocabulary, width)
        self.order = nn.Parameter(torch.randn(MAX_TOKENS, width) * 0.02)
        self.text = nn.ModuleList([ModulatedBlock(width, heads) for _ in range(text_layers)])
        self.level = nn.Sequential(
            nn.Linear(24 * frames, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.stem = nn.Conv2d((frames + 1) * channels, thin, 3, padding=1)
        self.fine = nn.ModuleList([Convolved(thin, thin, width) for _ in range(2)])
        self.down = nn.Conv2d(thin, width, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList([Convolved(width, width, width) for _ in range(2)])
        self.place = nn.Parameter(torch.randn(cells, width) * 0.02)
        self.action, self.time = nn.Linear(chunk + 12, width), nn.Parameter(torch.randn(frames, width) * 0.02)
        self.shift = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList([ModulatedBlock(width, heads) for _ in range(layers)])
        self.settled = nn.ModuleList([Convolved(width, width, width) for _ in range(2)])
        self.up = nn.ConvTranspose2d(width, thin, 2, stride=2)
        self.drawn = nn.ModuleList([Convolved(2 * thin, thin, width), Convolved(thin, thin, width)])
        self.last = nn.GroupNorm(8, thin)
        self.out_video = nn.Conv2d(thin, frames * channels, 3, padding=1)
        self.norm, self.out_action = nn.LayerNorm(width), nn.Linear(width, chunk)
        for layer in (self.shift, self.out_video, self.out_action):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # half as fast again on a CPU

    def read(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers [N, L] to tokens [N, L, width] and which of them are words [N, L]. The first is always
        looked at, so that no text can be told from any other."""
        mask = words != 0
        mask[:, 0] = True
        tokens = self.words(words) + self.order
        for block in self.text:
            tokens = block(tokens, mask[:, None, None])
        return tokens, mask

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
        waved = [waves(level[..., None]) for level in levels]
        level = self.level(torch.cat(waved, -1).flatten(1))
        x = F.pad(torch.cat([first, video.flatten(1, 2)], 1), (0, width % 2, 0, height % 2))
        x = self.stem(x)
        for block in self.fine:
            x = block(x, level)
        coarse = self.down(x)
        for block in self.coarse:
            coarse = block(coarse, level)
        moves = self.action(torch.cat([action, waved[1]], -1)) + self.time
        coarse, moves = self.settle(coarse, moves, level, words, acted)
        y = torch.cat([self.up(coarse), x], 1)
        for block in self.drawn:
            y = block(y, level)
        clean = self.out_video(F.silu(self.last(y)))[..., :height, :width]
        return clean.unflatten(1, video.shape[1:3]), self.out_action(self.norm(moves))

    def settle(
        self, coarse: Tensor, moves: Tensor, level: Tensor, words: Tensor, acted: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Cells [N, width, h / 2, w / 2] and actions [N, T, width] once each has looked at all others."""
        text, is_word = self.read(words)
        cells = coarse.flatten(2).transpose(1, 2) + self.place
        x = torch.cat([text, cells, moves], 1)
        seen = torch.ones(len(x), x.shape[1], dtype=torch.bool, device=x.device)
        seen[:, : text.shape[1]] = is_word
        if acted is not None:
            seen[:, -moves.shape[1] :] = acted[:, None]
        shift = self.shift(level)[:, None]
        for block in self.blocks:
            x = block(x, seen[:, None, None], shift)
        lead = text.shape[1]
        mixed = x[:, lead : lead + cells.shape[1]].transpose(1, 2).reshape(len(x), -1, *self.grid)
        for block in self.settled:
            mixed = block(mixed, level)
        return mixed, x[:, lead + cells.shape[1] :]
