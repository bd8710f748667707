"""Relations and the board to the next push and the steps to go: a transformer over blocks and relations.

A block is told of a relation by its role in it, so that blocks have no names here, and sets of any blocks, in
relations in any number, are asked for as those of training are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from tasks.learning.attention import Block, waves
from tasks.tabletop.goals.relation_numbers import KIND_NAMES, MEASURES, ROLES, WORDS
from tasks.tabletop.seeing.slots import PUSHER
from tasks.tabletop.world.board import COLORS, KINDS, SHAPES, color_of, shape_of
from vlp.vlm.tabletop.tokens import BINS

FINEST: Final = 0.012
"""The least scale of a place's distribution, as slots tell places: some 3 mm."""
PLACED: Final = 4
"""In ROLES, where the place of a block that is told begins."""


@dataclass(frozen=True)
class NextPush:
    """For N boards of 16 blocks. Places are as slots tell them."""

    block: Tensor
    """[N, 17] logits of each block to be pushed next, -inf where absent; the last: of nothing being left."""
    weight: Tensor
    """[N, 16, M] logits of the modes of where to."""
    spot: Tensor
    """[N, 16, M, 2] their middles."""
    scale: Tensor
    """[N, 16, M] logarithms of their scales."""
    wanted: Tensor
    """[N, 16, 2] where blocks are to be in the end."""
    bins: Tensor
    """[N, BINS] logits of the steps to go."""


class ProgramNet(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Tokens are the blocks, the pusher and the relations; edges between blocks and relations carry roles.

    Args:
        width, layers, heads: of the transformer.
        modes: M, components of the mixture of places.
    """

    @register_to_config
    def __init__(self, width: int = 128, layers: int = 6, heads: int = 4, modes: int = 4) -> None:
        super().__init__()
        self.kind = nn.Embedding(len(KIND_NAMES), width)
        self.words = nn.Embedding(len(WORDS), width)
        self.measures = nn.Linear(MEASURES, width)
        self.look = nn.Embedding(len(COLORS) + len(SHAPES) + 1, width)
        self.state = nn.Linear(24 + 2, width)
        edge = 2 * width
        self.told = nn.Linear(ROLES + 24 + 4 * 8 + 4, edge)
        self.about = nn.Linear(width, edge)
        self.to_block, self.to_relation = nn.Linear(edge, width), nn.Linear(edge, width)
        self.again = nn.ModuleList([nn.Linear(edge, width) for _ in range(2 * (layers - 1))])
        self.readout = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.block_out = nn.Linear(width, 1 + 2 + 4 * modes)
        self.board_out = nn.Linear(width, 1 + BINS)
        looks = [[COLORS.index(color_of(k)), len(COLORS) + SHAPES.index(shape_of(k))] for k in KINDS]
        looks.append([len(COLORS) + len(SHAPES)] * 2)
        self.register_buffer("looks", torch.tensor(looks), persistent=False)

    def forward(
        self, slots: Tensor, kind: Tensor, words: Tensor, measures: Tensor, roles: Tensor
    ) -> NextPush:
        """Slots [N, 17, 5] and R relations as `relation_numbers.Asked`, [N, R, ...]; kind -1: none."""
        asked = kind >= 0
        about = self.kind(kind.clamp_min(0)) + self.words(words).sum(-2) + self.measures(measures)
        edges = self._edges(slots, about, roles) * asked[:, :, None, None]
        # How blocks are turned says nothing of where they should go.
        board = self.state(torch.cat([waves(slots[..., 1:3]), slots[..., 1:3]], -1))
        board = board + self.look(self.looks).sum(-2)
        board = torch.cat([board[:, :PUSHER] + self.to_block(edges.sum(1)), board[:, PUSHER:]], 1)
        relations = about + self.to_relation(edges.sum(2))
        x = torch.cat([self.readout.expand(len(slots), -1, -1), board, relations], 1)
        there = torch.cat([torch.ones_like(asked[:, :1]), slots[..., 0] > 0.5, asked], 1)
        for number, layer in enumerate(self.blocks):
            x = layer(x, there)
            if number + 1 < len(self.blocks):
                x = x + self._passed(x, edges, 2 * number)
        return self._read(self.norm(x), slots)

    def _edges(self, slots: Tensor, about: Tensor, roles: Tensor) -> Tensor:
        """[N, R, 16, E]: what each relation is to each block, 0 where it does not speak of it."""
        here = slots[:, None, :PUSHER, 1:3].expand(-1, roles.shape[1], -1, -1)
        way = (roles[..., PLACED : PLACED + 2] - here) * roles[..., PLACED + 2 : PLACED + 3]
        given = torch.cat([roles, waves(here), waves(way, 8), way, here], -1)
        spoken = roles[..., -1:] * slots[:, None, :PUSHER, :1]
        return torch.as_tensor(F.gelu(self.told(given) + self.about(about)[:, :, None]) * spoken)

    def _passed(self, x: Tensor, edges: Tensor, first: int) -> Tensor:
        """What blocks are told by their relations, and these by their blocks, along the edges."""
        blocks, relations = x[:, 1 : 1 + PUSHER], x[:, 2 + PUSHER :]
        gate, back = self.again[first](edges), self.again[first + 1](edges)
        to_blocks = (gate * relations[:, :, None]).sum(1)
        to_relations = (back * blocks[:, None]).sum(2) / math.sqrt(PUSHER)
        return torch.cat([torch.zeros_like(x[:, :1]), to_blocks, torch.zeros_like(x[:, :1]), to_relations], 1)

    def _read(self, x: Tensor, slots: Tensor) -> NextPush:
        out = self.block_out(x[:, 1 : 1 + PUSHER]).float()
        nothing, bins = self.board_out(x[:, 0]).float().split([1, BINS], -1)
        chosen = out[..., 0].masked_fill(slots[:, :PUSHER, 0] < 0.5, -torch.inf)
        here = slots[:, :PUSHER, 1:3].float()
        modes = out[..., 3:].unflatten(-1, (-1, 4))
        return NextPush(
            torch.cat([chosen, nothing], 1), modes[..., 0], here[:, :, None] + modes[..., 1:3],
            modes[..., 3].clamp(math.log(FINEST), 2.0), here + out[..., 1:3], bins,
        )  # fmt: skip
