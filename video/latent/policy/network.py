"""Acting on latents: what is seen now, what is wanted as a frame or in words, to the next actions."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from tasks.learning.attention import waves
from tasks.learning.mixture import Modes
from video.latent.points import Points
from video.latent.prior import ActionPrior

REACH = 48
"""Control steps: an action says little about a frame that is to come next, but where a robot is then; which
thing is to be moved whereto, and how it must be touched for that, is seen in one further ahead."""
ANY_TIME, NOTHING = 0, -1
"""In the place of control steps left: that nobody knows them, and that no frame is wanted at all."""
LEARNED = r"prior\."
"""What was trained before, and goes on at a tenth of the rate."""
PARTED = 0.2
"""How far modes are from the prior's actions in the beginning, of what they would be by chance."""
SCALES = (-3.0, 2.0)
"""Logarithms of the least and the largest scale of a mode."""


class LatentPolicy(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Points of both pictures, and what is to be done of these: all that is asked is where things are, and
    where they are wanted. Goals are frames, words or both (as in Lynch and Sermanet, "Language conditioned
    imitation learning over unstructured data", 2021): a frame says where to, words say what matters of it.

    Args:
        channels, height, width: of a latent frame [C, h, w].
        actions: A, numbers of an action.
        sees: settings of the ActionPrior of the model of video and action: it knows already what words are
            about, and what is likely done of them, and a copy of it goes on learning here (see `LEARNED`).
        modes: of the k actions a call, as many as the prior tells before its first frame; see `Modes`.
        reach: control steps ahead that a wanted frame may be at most.
        maps, hidden, blocks: of the points.
        told: numbers in which words and time are put.
        wide: of what settles actions.
    """

    @register_to_config
    def __init__(
        self,
        *,
        channels: int,
        height: int,
        width: int,
        actions: int,
        sees: dict[str, Any],
        modes: int = 8,
        reach: int = REACH,
        maps: int = 32,
        hidden: int = 48,
        blocks: int = 3,
        told: int = 128,
        wide: int = 512,
    ) -> None:
        super().__init__()
        self.prior = ActionPrior(**sees)
        self.hint = nn.LayerNorm(self.prior.features)
        self.asked = nn.Sequential(
            nn.Linear(12 + 2 + self.prior.features, told), nn.SiLU(), nn.Linear(told, told), nn.SiLU()
        )
        self.points = Points(
            2 * channels, height, width, condition=told, maps=maps, hidden=hidden, blocks=blocks
        )
        self.settle = nn.Sequential(
            nn.Linear(self.points.size + told + self.prior.features, wide), nn.GELU(),
            nn.Linear(wide, wide), nn.GELU(),
            nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, modes * (2 + self.prior.config.chunk)),
        )  # fmt: skip
        self._begin_alike()
        self.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def _begin_alike(self) -> None:
        """All modes begin near what the prior would do, and part where they must."""
        last: Any = self.settle[-1]
        last.weight.mul_(PARTED)
        last.bias.mul_(PARTED)

    @classmethod
    def beside(cls, prior: ActionPrior, **sizes: Any) -> LatentPolicy:
        """An untrained one that sees by a trained prior."""
        policy: LatentPolicy = cls(sees=prior.settings, **sizes)
        policy.prior.load_state_dict(prior.state_dict())
        return policy

    def forward(self, now: Tensor, wanted: Tensor, left: Tensor, words: Tensor) -> Modes:
        """Latents of unit scale [N, C, h, w] each, control steps left [N] until the second is wanted (or
        ANY_TIME, or NOTHING), words [N, L], to modes of k actions of unit scale."""
        shown, timed = (left != NOTHING).float()[:, None], (left > 0).float()[:, None]
        time = timed * waves(left[:, None].float() / self.config.reach)
        seen = self.prior.look(now, words)
        hint = self.hint(seen)
        condition = self.asked(torch.cat([time, shown, timed, hint], 1))
        points = self.points(torch.cat([now, shown[..., None, None] * wanted], 1), condition)
        found = self.settle(torch.cat([points, condition, hint], 1)).float()
        rows = found.unflatten(1, (self.config.modes, -1))
        means = self.prior.likely(seen)[:, :1] + rows[..., 2:]
        means = means.unflatten(2, (-1, self.config.actions))
        return Modes(rows[..., 0], means, rows[..., 1].clamp(*SCALES).exp())
