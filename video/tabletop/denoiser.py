"""The denoiser of the latent video diffusion model: a transformer over words and slots.

A clip's latent is, for every slot, how it will have moved from the first frame at each future frame.
The network is given the words, the first frame's slots and the noisy latent, and predicts the clean
latent (x-prediction for flow matching; Lipman et al., "Flow Matching for Generative Modeling", 2023).
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from tasks.learning.attention import Block, waves
from tasks.tabletop.language.tokens import MAX_WORDS, PAD, VOCABULARY
from tasks.tabletop.seeing.slots import PUSHER
from tasks.tabletop.world.board import COLORS, KINDS, SHAPES, color_of, shape_of

MOTION_SCALE = (5.0, 5.0, 0.4, 0.4)
"""Latents are motions (x, y, cos, sin) times this, so that a push is about as large as the noise."""


class SlotDenoiser(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts clean motions of slots.

    Args:
        frames: T, future frames a clip.
        width, layers, heads: of the joint transformer.
        text_layers: of the text encoder, which is trained along.
    """

    @register_to_config
    def __init__(
        self, frames: int = 8, width: int = 128, layers: int = 8, heads: int = 4, text_layers: int = 2
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, width, padding_idx=PAD)
        self.order = nn.Parameter(torch.randn(MAX_WORDS, width) * 0.02)
        self.text = nn.ModuleList([Block(width, heads) for _ in range(text_layers)])
        self.color = nn.Embedding(len(COLORS) + 1, width)
        self.shape = nn.Embedding(len(SHAPES) + 1, width)
        self.noise = nn.Sequential(nn.Linear(12, width), nn.SiLU(), nn.Linear(width, width))
        self.place = nn.Linear(24 + 4, width)
        self.motion = nn.Linear(frames * 4, width)
        self.blocks = nn.ModuleList([Block(width, heads, condition=width) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, frames * 4)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        colors = [COLORS.index(color_of(kind)) for kind in KINDS] + [len(COLORS)]
        shapes = [SHAPES.index(shape_of(kind)) for kind in KINDS] + [len(SHAPES)]
        self.register_buffer("colors", torch.tensor(colors), persistent=False)
        self.register_buffer("shapes", torch.tensor(shapes), persistent=False)

    def read(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Word numbers [N, L] to text tokens [N, L, width] and which of them are words [N, L]."""
        mask = words != PAD
        tokens = self.words(words) + self.order[: words.shape[1]]
        for block in self.text:
            tokens = block(tokens, mask)
        return tokens, mask

    def forward(self, noisy: Tensor, sigma: Tensor, first: Tensor, text: tuple[Tensor, Tensor]) -> Tensor:
        """Noisy motions [N, 17, T, 4], noise level [N] in 0..1 and first slots [N, 17, 5] to clean
        motions [N, 17, T, 4]; those of absent slots are zero. `text` comes from `read`."""
        words, is_word = text
        present = first[..., 0] > 0.5
        present[:, PUSHER] = True
        most = int(present.sum(1).max())
        kept = torch.argsort(present.long(), dim=1, descending=True, stable=True)[:, :most]
        rows = torch.arange(len(first), device=first.device)[:, None]
        there, slots = present[rows, kept], first[rows, kept]
        tokens = self.color(self.colors[kept]) + self.shape(self.shapes[kept])
        tokens = tokens + self.place(torch.cat([waves(slots[..., 1:3]), slots[..., 1:]], -1))
        tokens = tokens + self.motion(noisy[rows, kept].flatten(2))
        condition = self.noise(waves(sigma[:, None]))
        x, mask = torch.cat([words, tokens], 1), torch.cat([is_word, there], 1)
        for block in self.blocks:
            x = block(x, mask, condition)
        clean = self.out(self.norm(x[:, words.shape[1] :])).unflatten(-1, (self.config.frames, 4))
        result = torch.zeros_like(noisy)
        result[rows, kept] = (clean * there[..., None, None]).to(result.dtype)
        return result
