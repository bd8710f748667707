"""Language-conditioned policy, told in words and shown no wanted board: what the planner is compared to."""

from __future__ import annotations

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor, nn

from executors.tabletop import mixture
from executors.tabletop.policy import from_pusher
from tasks.learning.attention import Block, waves
from tasks.learning.mixture import Modes
from tasks.tabletop.language.tokens import MAX_WORDS, PAD, VOCABULARY, encode
from tasks.tabletop.seeing.encoder import Eye
from tasks.tabletop.seeing.slots import PUSHER, SCALE
from tasks.tabletop.world.board import COLORS, KINDS, SHAPES, color_of, shape_of


class LanguagePolicy(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A transformer over words and slots with a mixture of distributions of the next action. Told a whole
    long task it is behaviour cloning as in Lynch et al., "Interactive Language: Talking to Robots in Real
    Time", 2022 (LAVA), on this project's slots.

    Args:
        width, layers, heads: of the transformer.
        text_layers: of the text encoder, which is trained along.
        modes: components of the mixture.
    """

    @register_to_config
    def __init__(
        self, width: int = 128, layers: int = 5, heads: int = 4, text_layers: int = 2, modes: int = 6
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, width, padding_idx=PAD)
        self.order = nn.Parameter(torch.randn(MAX_WORDS, width) * 0.02)
        self.text = nn.ModuleList([Block(width, heads) for _ in range(text_layers)])
        self.color = nn.Embedding(len(COLORS) + 1, width)
        self.shape = nn.Embedding(len(SHAPES) + 1, width)
        self.place = nn.Linear(24 + 4 + 19, width)
        self.readout = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, mixture.outputs(modes, 1))
        colors = [COLORS.index(color_of(kind)) for kind in KINDS] + [len(COLORS)]
        shapes = [SHAPES.index(shape_of(kind)) for kind in KINDS] + [len(SHAPES)]
        self.register_buffer("colors", torch.tensor(colors), persistent=False)
        self.register_buffer("shapes", torch.tensor(shapes), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE), persistent=False)

    def forward(self, now: Tensor, words: Tensor) -> Tensor:
        """Slots [N, 17, 5] and word numbers [N, L] to set-point changes [N, 1, 2] in metres, those of the
        likeliest mode."""
        return self.modes(now, words).likeliest

    def modes(self, now: Tensor, words: Tensor) -> Modes:
        """Slots [N, 17, 5] and word numbers [N, L] to the distribution of the next action."""
        is_word = words != PAD
        text = self.words(words) + self.order[: words.shape[1]]
        for block in self.text:
            text = block(text, is_word)
        present = now[..., 0] > 0.5
        present[:, PUSHER] = True
        most = int(present.sum(1).max())
        kept = torch.argsort(present.long(), dim=1, descending=True, stable=True)[:, :most]
        rows = torch.arange(len(now), device=now.device)[:, None]
        there, slots = present[rows, kept], now[rows, kept]
        given = [waves(slots[..., 1:3]), slots[..., 1:], from_pusher(now, slots, self.scale)]
        tokens = (
            self.place(torch.cat(given, -1)) + self.color(self.colors[kept]) + self.shape(self.shapes[kept])
        )
        x = torch.cat([self.readout.expand(len(now), -1, -1), text, tokens], 1)
        mask = torch.cat([torch.ones_like(there[:, :1]), is_word, there], 1)
        for block in self.blocks:
            x = block(x, mask)
        return mixture.read(self.out(self.norm(x[:, 0])), self.config.modes)


class WordsPolicy:
    """The policy on pictures.

    Args:
        encoder: pictures to slots.
        policy: trained.
    """

    def __init__(self, encoder: Eye, policy: LanguagePolicy) -> None:
        self._encoder, self._policy = encoder, policy.eval()

    @torch.inference_mode()
    def action(self, frame: NDArray[np.uint8], text: str) -> NDArray[np.float32]:
        """A frame uint8 [H, W, 3] and what to do to a set-point change float32 [2], metres a step."""
        device = self._policy.device
        now = torch.from_numpy(self._encoder.see(frame[None])).to(device)
        return np.asarray(self._policy(now, encode([text]).to(device))[0, 0].cpu().numpy())
