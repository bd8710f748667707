"""What is likely to be done: words and a first frame to actions, by the places that words look for."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from video.latent.blocks import ModulatedBlock, Reader
from video.latent.copying import coordinates
from video.latent.points import found, steered


class ActionPrior(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Behavior cloning at a thirtieth of the whole model's cost, which the rest of it begins from.

    Convolutions at the latents' own size are modulated by all that is said (FiLM, Perez et al., 2018). Each
    word then looks for its place among the cells (as text is grounded in Kamath et al., "MDETR", 2021), and
    where it is found (spatial softmax, Levine et al., "End-to-end training of deep visuomotor policies",
    2016) is all that the actions are told: words that are learned as what is pushed are found, too, as what
    it is pushed to. It learns from actions alone: beside the error of video, which is so much larger, words
    were hardly heard (docs/latent.md).

    Args:
        frames, chunk: actions are T chunks of so many numbers.
        size: of a latent frame [C, h, w].
        vocabulary: entries of the tokenizer.
        width, heads, text_layers: of the words, which are read for it alone; a token is as wide.
    """

    MAPS, CHANGED, BLOCKS = 24, 8, 4
    """Places that are looked for whatever is said, and where cells will have changed; residual
    convolutions."""
    LOOKS, LIKENESS, SHARP = 4, 16, 16.0
    """Places that a word looks for, numbers of a likeness, and by what a likeness of 1 is multiplied. Were it
    not bounded, every word would soon look at one single cell of what was found first, the robot, and no
    gradient would lead it anywhere else."""
    CHOSEN, LAYERS = 4, 2
    """Words whose places are chosen, and layers in which words learn of each other's."""
    where: Tensor
    """[1, known, rows, columns]."""

    @register_to_config
    def __init__(
        self,
        *,
        frames: int,
        chunk: int,
        size: tuple[int, int, int],
        vocabulary: int,
        width: int,
        heads: int,
        text_layers: int,
    ) -> None:
        super().__init__()
        channels, hidden, wide = size[0], 8 * max(1, 3 * width // 128), 2 * width
        where = coordinates(*size[1:])
        self.register_buffer("where", where, persistent=False)
        self.text = Reader(vocabulary, width, heads, text_layers)
        self.seen, self.at = nn.Conv2d(channels, hidden, 3, padding=1), nn.Conv2d(where.shape[1], hidden, 1)
        self.convs = nn.ModuleList([nn.Conv2d(hidden, hidden, 3, padding=1) for _ in range(self.BLOCKS)])
        self.modulate = nn.Linear(width, 2 * self.BLOCKS * hidden)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)
        self.high = nn.Conv2d(hidden, self.MAPS, 3, padding=1)
        self.ahead = nn.Conv2d(hidden, channels + 1, 3, padding=1)
        nn.init.zeros_(self.ahead.weight)
        alike, placed = self.LOOKS * self.LIKENESS, 3 * self.LOOKS
        self.cells, self.looks = nn.Conv2d(hidden, alike, 3, padding=1), nn.Linear(width, alike)
        self.placed, self.scene = nn.Linear(placed, width), nn.Linear(3 * self.MAPS, width)
        self.blocks = nn.ModuleList([ModulatedBlock(width, heads) for _ in range(self.LAYERS)])
        self.choice = nn.Linear(width, self.CHOSEN)
        self.changed = nn.Conv2d(channels + 1, self.CHANGED, 3, padding=1)
        known = 3 * (self.MAPS + self.CHANGED) + self.CHOSEN * placed + width
        self.settle = nn.Sequential(
            nn.Linear(known, wide), nn.GELU(), nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, wide),
            nn.GELU(),
        )  # fmt: skip
        self.token = nn.Linear(known + wide, width)
        self.mean = nn.Linear(wide, frames * chunk)
        self.spread = nn.Parameter(torch.full((frames, 1), -0.5))
        """Log variance of the actions about their mean, in units of theirs."""

    @property
    def settings(self) -> dict[str, Any]:
        """What another one is made with, to copy this one's weights to."""
        return {name: value for name, value in self.config.items() if not name.startswith("_")}

    @property
    def features(self) -> int:
        """Numbers of `look`."""
        return int(self.token.in_features)

    def look(self, first: Tensor, words: Tensor) -> Tensor:
        """What it sees of frames [N, C, h, w] by words [N, L], [N, features]: places and how alike what is
        there, all that is said of them, and what is made of these."""
        return self.look_ahead(first, words)[0]

    def look_ahead(self, first: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """As look, and how cells will have changed in the end [N, C + 1, h, w], last the log odds that they
        will have: a picture says of each cell whether it is what words are about, where actions say it in a
        few numbers of all of them. What is pushed may end in many places, of each of which the mean of
        what is seen there says next to nothing, and odds say something."""
        if words.device.type == "cpu":  # a shape that changes would be compiled anew on a GPU
            words = words[:, : max(1, int((words != 0).sum(1).max()))]
        tokens, is_word, said = self.text(words)
        x = steered(self.seen(first) + self.at(self.where), self.convs, self.modulate(F.silu(said)))
        x = F.silu(x)
        ahead = self.ahead(x).float()
        scene, places = found(self.high(x), self.where), self.find(x, tokens)
        told = torch.cat([self.scene(scene)[:, None], tokens + self.placed(places)], 1)
        mask = torch.cat([torch.ones_like(is_word[:, :1]), is_word], 1)[:, None, None]
        for block in self.blocks:
            told = block(told, mask)
        choice = self.choice(told[:, 1:]).float().masked_fill(~is_word[..., None], -torch.inf).softmax(1)
        chosen = (choice.transpose(1, 2) @ places).flatten(1)
        changed = found(self.changed(ahead.detach()), self.where)
        seen = torch.cat([scene, chosen, told[:, 0].float(), changed], 1)
        return torch.cat([seen, self.settle(seen).float()], 1), ahead

    def find(self, x: Tensor, tokens: Tensor) -> Tensor:
        """Where each word [N, L, width] finds what is alike among cells [N, hidden, h, w], and how alike:
        [N, L, 3 * LOOKS]."""
        cells = self.cells(x).unflatten(1, (self.LOOKS, self.LIKENESS)).flatten(3)
        looks = self.looks(tokens).unflatten(2, (self.LOOKS, self.LIKENESS))
        cells, looks = F.normalize(cells.float(), dim=2), F.normalize(looks.float(), dim=3)
        maps = self.SHARP * torch.einsum("nlhs,nhsc->nlhc", looks, cells)
        points = found(maps.reshape(-1, self.LOOKS, *x.shape[-2:]), self.where)
        return points.reshape(*tokens.shape[:2], -1)

    def forward(self, first: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """first [N, C, h, w], words [N, L] to a token [N, width] and mean actions [N, T, chunk]."""
        token, mean, _ = self.learned(first, words)
        return token, mean

    def learned(self, first: Tensor, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As forward, and how cells will have changed in the end [N, C + 1, h, w], see `look_ahead`."""
        seen, ahead = self.look_ahead(first, words)
        return self.token(seen.detach()), self.likely(seen), ahead

    def likely(self, seen: Tensor) -> Tensor:
        """Mean actions [N, T, chunk] of what it sees [N, features]."""
        mean = self.mean(seen[:, -self.mean.in_features :])
        return torch.as_tensor(mean.unflatten(1, (len(self.spread), -1)).float())

    def estimate(self, mean: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The likeliest clean actions given the mean [N, T, chunk] and noisy ones at levels [N, T]: those
        themselves at level 0, the mean at 1 (a Wiener filter)."""
        s, spread = level[..., None], self.spread.exp()
        gain = (1 - s) * spread / ((1 - s) ** 2 * spread + s**2)
        return mean + gain * (noisy - (1 - s) * mean)
