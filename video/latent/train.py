"""The loss of the model of video and action: clean prediction at levels of its own for each."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from video.latent.model import WorldModel
from video.latent.noise import levels, mix

ACTION = 0.5
"""Weight of the actions' error beside the video's."""


def motions(latents: Tensor, motion: float) -> Tensor:
    """Latents [N, T + 1, C, h, w] to scaled differences from the first [N, T, C, h, w]."""
    return (latents[:, 1:] - latents[:, :1]) / motion


def loss(model: WorldModel, motion: float, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Squared errors, weighted as a bounded velocity error; actions count where a clip has them."""
    latents, actions, acted = batch["latents"], batch["actions"], batch["acted"]
    clean = motions(latents, motion)
    video, action = levels(len(latents), clean.shape[1], clean.device)
    guess, acts = model(
        latents[:, 0], mix(clean, video), mix(actions, action), (video, action), batch["words"], acted
    )
    video_error = ((guess.float() - clean) ** 2).mean((2, 3, 4))
    action_error = ((acts.float() - actions) ** 2).mean(2)
    there = acted.float()[:, None].expand_as(action_error)
    total = (video_error * _weight(video)).mean()
    total = total + ACTION * (action_error * _weight(action) * there).sum() / there.sum().clamp(min=1)
    return total, _logs(video_error.detach(), action_error.detach(), video, action)


def _weight(level: Tensor) -> Tensor:
    """Bounded below, and nothing for what is given: level 0 is not a question."""
    return (1 / level.clamp(min=0.35) ** 2) * (level > 0)


def _logs(video: Tensor, action: Tensor, v: Tensor, a: Tensor) -> dict[str, float]:
    """Errors where all is noise: imagined video, acted and explained actions."""
    logs = {}
    for name, error, where in (
        ("imagine", video, (v > 0.9) & (a > 0.9)),
        ("act", action, (a > 0.9) & (v > 0.9)),
        ("explain", action, (a > 0.9) & (v < 0.05)),
        ("predict", video, (v > 0.9) & (a < 0.05)),
    ):
        if where.any():
            logs[name] = float(error[where].mean())
    return logs
