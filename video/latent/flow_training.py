"""Training of the flows: a beat at a time from true frames, then on from what they drew themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from tasks.learning.feeding import Draw, feed
from tasks.learning.trainer import CHECKPOINT, Loss, TrainConfig, Trainer, TrainingMoment
from video.latent.flow import CELL, FlowDynamics, FlowScene, mixed, places, sampled
from video.latent.flow_windows import AHEAD, TOLD, FlowWindows

SCALES: Final = 4
"""Sizes at which frames are compared."""
SHARP, STILL, PAINTED = 0.3, 0.0005, 0.005
"""Weights of absolute errors, of flows (pixels), and of what is painted: what can be told by nothing that
moves is told so."""
BLURRED: Final = 0.5
"""Weight of pictures that are out of focus: they tell from further off where a thing went."""
DUST, SCATTER = 0.1, 3.0
"""Share of pixels at most that are taken from elsewhere in true pictures, and how far, in pixels."""
ROLLED, SLOWLY = 0.4, 0.2
"""Share of the minutes in which what was told is then rolled on, and of the learning rate."""
RESTART: Final = 0.1
"""How often a window that is rolled on begins anew, before it is over."""


def told(model: FlowDynamics, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Errors of a batch, of which each beat begins with the true frame (teacher forcing): a robot that is
    drawn where it is not teaches nothing of pushing."""
    pictures = unit(batch["pictures"])
    scene = model.begin(pictures[:, 1], pictures[:, 0])
    total, _, shares = error(model, scene, pictures[:, 1:], batch["sent"], forced=True)
    return total, {"told": shares[0]}


class RolledLoss:
    """Errors of windows that go on where they had got to, at the next update, and of batches between them."""

    def __init__(self, model: FlowDynamics) -> None:
        self._model = model
        self._windows: dict[str, Tensor] = {}
        self._scene: FlowScene
        self._beat: Tensor
        """How many beats each window is on [N]."""

    def __call__(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        if batch["sent"].shape[1] == TOLD:
            return told(self._model, batch)
        pictures, sent = self._rolled(batch)
        total, scene, shares = error(self._model, self._scene, pictures, sent)
        self._scene, self._beat = scene.detached(), self._beat + AHEAD
        return total, {"rolled": shares[-1]}

    @torch.no_grad()
    def _rolled(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Pictures [N, AHEAD + 1, 3, H, W] and what is sent, of windows that go on; those that are over begin
        anew as the batch's."""
        first = unit(batch["pictures"][:, :2])
        new = self._model.begin(first[:, 1], first[:, 0])
        if not self._windows or self._windows["pictures"].shape != batch["pictures"].shape:
            self._windows, self._scene = {name: value.clone() for name, value in batch.items()}, new
            self._beat = torch.zeros_like(batch["beats"])
        over = self._beat + AHEAD > self._windows["beats"]
        over |= torch.rand(len(over), device=over.device) < RESTART
        for name, value in batch.items():
            self._windows[name][over] = value[over]
        self._beat = torch.where(over, 0, self._beat)
        self._scene = self._scene.where(over, new)
        rows, steps = torch.arange(len(over), device=over.device)[:, None], self._beat[:, None]
        frames = steps + torch.arange(1, AHEAD + 2, device=over.device)
        return unit(self._windows["pictures"][rows, frames]), self._windows["sent"][rows, frames[:, :-1] - 1]


def error(
    model: FlowDynamics, scene: FlowScene, pictures: Tensor, sent: Tensor, *, forced: bool = False
) -> tuple[Tensor, FlowScene, list[float]]:
    """What rolling on from a scene by what was sent [N, K, 2 * beat * A] errs by beside the pictures
    [N, K + 1, 3, H, W] that came, the first of which is the scene's (`forced`: each beat from the true ones);
    the scene then; and the squared error of each beat as a share of that of nothing that moves.

    What is drawn a little beside where it is, is as wrong from near as what is not drawn there at all, so
    pictures are compared from further away, too.
    """
    total, found = pictures.new_zeros(()), []
    for k in range(sent.shape[1]):
        then = pictures[:, k + 1]
        if forced and k:
            scene = model.begin(pictures[:, k], pictures[:, k - 1])
        now = dusty(scene.frame) if forced else scene.frame
        flow, shares, colors = model(now, scene.before, sent[:, k])
        total = total + BLURRED * _blurred(scene.frame.detach(), flow, shares, colors, then)
        total = total + STILL * (flow * shares[:, 1:2]).abs().mean() + PAINTED * shares[:, 2].mean()
        scene = FlowScene(mixed(now, flow, shares, colors), scene.frame)
        gap = scene.frame - then
        still = (pictures[:, k if forced else 0] - then).square().mean()
        found.append(float(gap.detach().square().mean() / still.clamp(min=1e-6)))
        total = total + SHARP * gap.abs().mean()
        for scale in range(SCALES):
            total = total + gap.square().mean()
            gap = 2 * F.avg_pool2d(gap, 2) if scale + 1 < SCALES else gap
    return 10 * total / sent.shape[1], scene, found


def dusty(pictures: Tensor) -> Tensor:
    """Pictures [N, 3, H, W] of which some pixels, up to DUST of them, are those of somewhere near: so errors
    of a beat look to the next, which has to clear them away."""
    share = DUST * torch.rand(len(pictures), 1, 1, 1, device=pictures.device) ** 2
    which = torch.rand_like(pictures[:, :1]) < share
    beside = SCATTER * torch.randn_like(pictures[:, :2]) * which
    return sampled(pictures, (places(pictures) + beside.round()))


def _blurred(now: Tensor, flow: Tensor, shares: Tensor, colors: Tensor, then: Tensor) -> Tensor:
    """Error of pictures out of focus, CELL times smaller."""
    still, came, share = torch.split(shares, 1, 1)
    flow, still, came, paint, now, then = (
        F.avg_pool2d(value, CELL) for value in (flow / CELL, still, came, colors * share, now, then)
    )
    drawn = still * _soft(now) + came * sampled(_soft(now), places(flow) + flow) + paint
    return CELL**2 * (_soft(drawn) - _soft(_soft(then))).square().mean()


def _soft(picture: Tensor) -> Tensor:
    for _ in range(2):
        picture = F.avg_pool2d(picture, 3, stride=1, padding=1, count_include_pad=False)
    return picture


def unit(pictures: Tensor) -> Tensor:
    """Of bytes, in -1..1."""
    return pictures.float() / 127.5 - 1


def train_flow(
    windows: FlowWindows,
    actions: int,
    folder: Path,
    config: TrainConfig,
    *,
    size: int,
    widths: tuple[int, int, int],
    begun: FlowDynamics | None = None,
    workers: int = 0,
    report: Callable[[str], None] = print,
    tick: Callable[[float], None] = lambda _: None,
    watch: Callable[[TrainingMoment], None] = lambda _: None,
) -> FlowDynamics | None:
    """Train them for actions of so many numbers, going on from the folder's checkpoint; they have averaged
    weights. What they are `begun` from where nothing was acted, and where nothing was trained yet and there
    are no minutes."""
    if not (config.minutes or (folder / CHECKPOINT).is_file()) or not len(windows):
        return begun
    torch.manual_seed(2)
    model = FlowDynamics(actions=actions, beat=windows.beat, widths=widths)
    if begun is not None:
        model.load_state_dict(begun.state_dict())
    rolled = replace(config, minutes=ROLLED * config.minutes, learning_rate=SLOWLY * config.learning_rate)
    parts: tuple[tuple[Loss, TrainConfig, Draw], ...] = (
        (
            partial(told, model),
            replace(config, minutes=(1 - ROLLED) * config.minutes),
            partial(windows.batches, size),
        ),
        (RolledLoss(model), rolled, partial(windows.long, size)),
    )
    for loss, part, draw in parts:  # the second goes on from the first one's checkpoint
        trainer = Trainer(model, loss, folder, part)
        if config.minutes:
            trainer.run(feed(draw, trainer.seed, workers), report, tick=tick, watch=watch)
            (folder / "record.json").write_text(
                json.dumps(trainer.record(), indent=1) + "\n", encoding="utf-8"
            )
    return trainer.averaged().cpu()  # type: ignore[return-value]
