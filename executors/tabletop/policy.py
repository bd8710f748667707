"""Goal-conditioned inverse dynamics: the board now and the board wanted to the next actions."""

from __future__ import annotations

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from torch import Tensor, nn

from executors.tabletop import mixture
from tasks.learning.attention import Block, waves
from tasks.learning.mixture import Modes
from tasks.tabletop.seeing.encoder import Eye
from tasks.tabletop.seeing.slots import PUSHER, SCALE
from tasks.tabletop.world.board import KINDS, SHAPES, shape_of


def from_pusher(now: Tensor, slots: Tensor, scale: Tensor) -> Tensor:
    """Where slots [N, K, 5] are as seen from the pusher of boards [N, 17, 5], fine enough to tell millimetres
    apart: [N, K, 19]. `scale` [2] takes slots to metres."""
    gap = (slots[..., 1:3] - now[:, PUSHER, None, 1:3]) * scale
    length = gap.norm(dim=-1, keepdim=True)
    return torch.cat([waves(gap * 4, 4), gap * 10, length * 10], -1)


class SlotPolicy(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A transformer over pairs of slots, with a mixture of distributions of the next actions.

    Args:
        chunk: k, actions a call.
        width, layers, heads: of the transformer.
        modes: components of the mixture.
    """

    @register_to_config
    def __init__(
        self, chunk: int = 2, width: int = 128, layers: int = 5, heads: int = 4, modes: int = 6
    ) -> None:
        super().__init__()
        self.shape = nn.Embedding(len(SHAPES) + 1, width)
        self.pair = nn.Linear(2 * (24 + 4) + 4 + 2 * (16 + 3), width)
        self.readout = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, mixture.outputs(modes, chunk))
        shapes = [SHAPES.index(shape_of(kind)) for kind in KINDS] + [len(SHAPES)]
        self.register_buffer("shapes", torch.tensor(shapes), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE), persistent=False)

    def forward(self, now: Tensor, wanted: Tensor) -> Tensor:
        """Slots now and wanted [N, 17, 5] to set-point changes [N, k, 2] in metres, those of the likeliest
        mode."""
        return self.modes(now, wanted).likeliest

    def modes(self, now: Tensor, wanted: Tensor) -> Modes:
        """Slots now and wanted [N, 17, 5] to the distribution of the next actions."""
        # A block that only one of the pictures shows says nothing of where to push it.
        present = (now[..., 0] > 0.5) & (wanted[..., 0] > 0.5)
        present[:, PUSHER] = True
        most = int(present.sum(1).max())
        kept = torch.argsort(present.long(), dim=1, descending=True, stable=True)[:, :most]
        rows = torch.arange(len(now), device=now.device)[:, None]
        there, before, after = present[rows, kept], now[rows, kept], wanted[rows, kept]
        change = (after[..., 1:] - before[..., 1:]) * 5
        given = [waves(before[..., 1:3]), before[..., 1:], waves(after[..., 1:3]), after[..., 1:], change]
        given += [from_pusher(now, before, self.scale), from_pusher(now, after, self.scale)]
        tokens = self.pair(torch.cat(given, -1)) + self.shape(self.shapes[kept])
        x = torch.cat([self.readout.expand(len(now), -1, -1), tokens], 1)
        mask = torch.cat([torch.ones_like(there[:, :1]), there], 1)
        for block in self.blocks:
            x = block(x, mask)
        return mixture.read(self.out(self.norm(x[:, 0])), self.config.modes)


class FramePolicy:
    """The policy as the runtime wants it: pictures in, actions out. The goal's slots are kept while
    the goal stays the same."""

    def __init__(self, encoder: Eye, policy: SlotPolicy) -> None:
        self._encoder, self._policy = encoder, policy.eval()
        self._goal: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None

    @torch.inference_mode()
    def actions(
        self,
        frame: NDArray[np.uint8],
        goal_frame: NDArray[np.uint8],
        stays: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Two frames uint8 [H, W, 3] to set-point changes float32 [k, 2], metres a step. What `stays` [17]
        names is wanted where it is seen now, whatever the goal frame shows."""
        if self._goal is None or not np.array_equal(self._goal[0], goal_frame):
            self._goal = (goal_frame.copy(), self._encoder.see(goal_frame[None])[0])
        now = self._encoder.see(frame[None])[0]
        wanted = self._goal[1] if stays is None else keep(now, self._goal[1], stays)
        boards = [torch.from_numpy(board)[None].to(self._policy.device) for board in (now, wanted)]
        return np.asarray(self._policy(*boards)[0].cpu().numpy())


def keep(
    now: NDArray[np.float32], wanted: NDArray[np.float32], stays: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Wanted slots [..., 17, 5] with those that `stays` [..., 17] names as they are now, where they are
    seen."""
    kept = stays & (now[..., 0] > 0.5)
    return np.where(kept[..., None], now, wanted)
