"""Tracking: where each thing that was cut out of a first picture is in those after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from video.latent.rolling import Rolling
from video.latent.scenes import CutScene

REACH: Final = 3.0
"""Cells that a template reaches from its thing's center."""
FAR: Final = 2.0
"""Cells that a thing may go between two pictures, each way."""
TURNS: Final = (-0.3, -0.15, 0.0, 0.15, 0.3)
"""Radians that it may turn."""
FINELY: Final = (-0.05, 0.0, 0.05)
"""Radians by which that is told more exactly."""
TOLD: Final = 0.3
"""Difference of a pixel (-1..1) beyond which it is covered by something, and no worse for being more so."""
STAYS: Final = 0.002
"""By how much of its pixels a thing must fit better to have gone a cell."""


@torch.no_grad()
def track(model: Rolling, scene: CutScene, pictures: Tensor, sent: Tensor) -> tuple[Tensor, Tensor]:
    """Ways [N, T, L, 3] that the things of a scene went by each of pictures [N, T, 3, H, W] in -1..1, before
    which actions were sent [N, T, 2 * beat * A]; and how badly each fits there [N, T, L], 0..1.

    Templates are matched around where each is expected to be, coarsely and then finely, by a squared error
    that grows no further once a pixel does not fit at all, so that what is partly covered is still found
    (Black and Anandan, "The robust estimation of multiple motions", 1996).
    """
    found, fits = [], []
    for number in range(pictures.shape[1]):
        expected = model.go(scene, sent[:, number]).ways
        ways, fit = _matched(scene, expected, pictures[:, number])
        scene = replace(scene, ways=ways)
        found.append(ways)
        fits.append(fit)
    return torch.stack(found, 1), torch.stack(fits, 1)


def _matched(scene: CutScene, ways: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Ways [N, L, 3] by one more picture, and how badly they fit [N, L]."""
    fine, near = scene.fine, torch.arange(-2, 3) / scene.fine
    ways, _ = _best(scene, ways, picture, torch.arange(-FAR, FAR + 1e-6, 2 / fine), (0.0,), 2)
    ways, _ = _best(scene, ways, picture, near, TURNS, 1)
    return _best(scene, ways, picture, near / 4, FINELY, 1)


def _best(
    scene: CutScene, ways: Tensor, picture: Tensor, shifts: Tensor, turns: tuple[float, ...], small: int
) -> tuple[Tensor, Tensor]:
    """The best of ways [N, L, 3] changed by shifts (cells) each way and turns, looked at so many times
    smaller; and its cost [N, L]."""
    count, many = ways.shape[:2]
    grid = _square(scene.fine, small).to(ways)
    template = _sampled(
        scene.things.flatten(0, 1), scene.center.flatten(0, 1)[:, None, None] + grid, scene.fine
    )
    color, weight = template[:, :3], template[:, 3] / template[:, 3].sum((1, 2), keepdim=True).clamp(min=1e-3)
    place = (scene.center + ways[..., :2]).flatten(0, 1)
    each = picture[:, None].expand(-1, many, -1, -1, -1).flatten(0, 1)
    down, right = torch.meshgrid(shifts, shifts, indexing="ij")
    offsets = torch.stack([right.flatten(), down.flatten()], -1).to(ways)
    costs, changes = [], []
    for turn in turns:
        at = grid @ _rotation(ways[..., 2].flatten() + turn)[:, None].transpose(-1, -2)
        for offset in offsets:
            seen = _sampled(each, (place + offset)[:, None, None] + at, scene.fine)
            gap = ((seen - color) ** 2).mean(1).clamp(max=TOLD**2) / TOLD**2
            costs.append((gap * weight).sum((1, 2)) + STAYS * (offset.norm() + abs(turn)))
            changes.append([*offset.tolist(), turn])
    least, best = torch.stack(costs).min(0)
    return ways + ways.new_tensor(changes)[best].reshape(count, many, 3), least.reshape(count, many)


def _square(fine: int, small: int) -> Tensor:
    """Places [s, s, 2] in cells from the middle, of every so many pixels of a template."""
    size = 2 * round(REACH * fine) // small
    side = (torch.arange(size) - (size - 1) / 2) * small / fine
    return torch.stack(torch.meshgrid(side, side, indexing="xy"), -1)


def _rotation(angle: Tensor) -> Tensor:
    """Matrices [N, 2, 2] of radians [N]."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)


def _sampled(pictures: Tensor, at: Tensor, fine: int) -> Tensor:
    """Pictures [N, C, H, W] of so many pixels a cell, at places [N, s, s, 2] in cells from the middle."""
    half = at.new_tensor([pictures.shape[-1], pictures.shape[-2]]) / fine / 2
    return F.grid_sample(pictures, at / half, padding_mode="border", align_corners=False)
