"""The transformer of video and action, each with noise levels of its own.

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


class WorldModel(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts clean latents and actions of a clip.

    Args:
        frames: T, future frames; also T chunks of actions, one before each.
        channels, height, width_: of a latent frame [C, h, w].
        chunk: numbers in a chunk of actions.
        vocabulary: entries of the tokenizer.
        patch: latent pixels on a side of a token.
        width, layers, heads, text_layers: of the transformer.
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
        patch: int = 2,
        width: int = 256,
        layers: int = 8,
        heads: int = 4,
        text_layers: int = 2,
    ) -> None:
        super().__init__()
        self.grid = (-(-height // patch), -(-width_ // patch))
        self.cells, token = self.grid[0] * self.grid[1], channels * patch * patch
        self.words = nn.Embedding(vocabulary, width)
        self.order = nn.Parameter(torch.randn(MAX_TOKENS, width) * 0.02)
        self.text = nn.ModuleList([ModulatedBlock(width, heads) for _ in range(text_layers)])
        self.first = nn.Linear(token, width)
        self.video = nn.Linear(2 * token, width)
        self.action = nn.Linear(chunk, width)
        self.place = nn.Parameter(torch.randn(self.cells, width) * 0.02)
        self.time = nn.Parameter(torch.randn(2, frames + 1, width) * 0.02)
        shift = nn.Linear(width, 6 * width)
        self.level = nn.Sequential(nn.Linear(12, width), nn.SiLU(), shift)
        self.kind = nn.Parameter(torch.zeros(3, 6 * width))
        self.blocks = nn.ModuleList([ModulatedBlock(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.out_video, self.out_action = nn.Linear(width, token), nn.Linear(width, chunk)
        for layer in (shift, self.out_video, self.out_action):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def read(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers [N, L] to tokens [N, L, width] and which of them are words [N, L]. The first is always
        looked at, so that no text can be told from any other."""
        mask = words != 0
        mask[:, 0] = True
        tokens = self.words(words) + self.order
        for block in self.text:
            tokens = block(tokens, mask[:, None, None])
        return tokens, mask

    def patches(self, latents: Tensor) -> Tensor:
        """[..., C, h, w] to [..., cells, C * patch * patch]; zeros beyond the edge."""
        p, (rows, columns) = self.config.patch, self.grid
        pad = (0, columns * p - latents.shape[-1], 0, rows * p - latents.shape[-2])
        whole = F.pad(latents, pad).reshape(-1, latents.shape[-3], rows, p, columns, p)
        tokens = whole.permute(0, 2, 4, 1, 3, 5)
        return tokens.reshape(*latents.shape[:-3], self.cells, -1)

    def pictures(self, tokens: Tensor) -> Tensor:
        """The way back from `patches`."""
        p, (rows, columns), channels = self.config.patch, self.grid, self.config.channels
        cells = tokens.reshape(-1, rows, columns, channels, p, p).permute(0, 3, 1, 4, 2, 5)
        whole = cells.reshape(*tokens.shape[:-2], channels, rows * p, columns * p)
        return whole[..., : self.config.height, : self.config.width_]

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
        count, frames = video.shape[:2]
        text, is_word = self.read(words)
        start = self.patches(first)
        moving = torch.cat([self.patches(video), start[:, None].expand(-1, frames, -1, -1)], -1)
        x = torch.cat(
            [
                text,
                self.first(start) + self.place + self.time[0, 0],
                (self.video(moving) + self.place + self.time[0, 1:, None]).flatten(1, 2),
                self.action(action) + self.time[1, 1:],
            ],
            1,
        )
        known = x.new_zeros(count, 1)
        every = torch.cat([known, *levels], 1)
        shift = self.level(waves(every[..., None])).split([1, frames, frames], 1)
        lead = text.shape[1] + self.cells
        shift = torch.cat(
            [
                (shift[0] + self.kind[0]).expand(-1, lead, -1),
                (shift[1] + self.kind[1]).repeat_interleave(self.cells, 1),
                shift[2] + self.kind[2],
            ],
            1,
        )
        seen = torch.ones(count, x.shape[1], dtype=torch.bool, device=x.device)
        seen[:, : text.shape[1]] = is_word
        if acted is not None:
            seen[:, -frames:] = acted[:, None]
        for block in self.blocks:
            x = block(x, seen[:, None, None], shift)
        x = self.norm(x)
        clean = self.out_video(x[:, lead:-frames]).unflatten(1, (frames, self.cells))
        return self.pictures(clean), self.out_action(x[:, -frames:])
