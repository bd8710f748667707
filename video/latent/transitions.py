"""Transitions: windows of consecutive beats, cut anywhere from stores, and the loss of what rolls them on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from video.latent.clips import Frames, Scale
from video.latent.dynamics import SHIFT, Dynamics
from video.latent.noise import mix, shifted
from video.latent.store import FrameStore

AHEAD: Final = 8
"""Beats of a window."""
EXPLAIN, CERTAIN, UNKNOWN = 0.2, 0.5, 0.3
"""Shares of samples that explain, of changes to predict that are all noise, and of samples whose last actions
are not known."""
ACTION: Final = 0.5
"""Weight of the actions' error beside the change's."""
DRIFT: Final = 0.1
"""Standard deviation at most of what is added to the frames that are known: imagined ones are never the
same."""
ALONE: Final = 0.15
"""Share of samples of which the frame before is not known, nor what was sent then, as where a plan begins."""
ROLLED, RESTART = 2, 0.12
"""Of so many samples one goes on from what was imagined, beside them; how often one of these begins anew."""


class Transitions:
    """Windows of a store's subgoals, with what was sent, where that is known. What is told matters nothing
    here, but packed latents are counted from where it begins (see `packed`)."""

    def __init__(self, store: FrameStore, latents: Frames, scale: Scale, beat: int) -> None:
        self._store, self._latents, self._scale, self._beat = store, latents, scale, beat
        self._stop = store.ends()[:, 0]
        first = np.flatnonzero(np.diff(self._stop, prepend=-1))
        self._first = np.repeat(first, np.diff(np.append(first, len(store))))
        self.begin_at(np.arange(len(store)))

    def __len__(self) -> int:
        return len(self.starts)

    def begin_at(self, starts: NDArray[np.int64]) -> None:
        """Let windows begin at these frames alone, where a frame comes after them and something is sent."""
        good = (starts + self._beat < self._stop[starts]) & self._store.acted[starts]
        self.starts: NDArray[np.int64] = starts[good]

    def at(self, starts: NDArray[np.int64]) -> dict[str, Tensor]:
        """Windows whose second frame is `starts` [N]: frames [N, AHEAD + 2, C, h, w] of unit scale, what is
        sent between them [N, AHEAD + 1, chunk], and which of the last AHEAD lie within their subgoals
        [N, AHEAD]."""
        beat, scale = self._beat, self._scale
        frames = starts[:, None] + beat * np.arange(-1, AHEAD + 1)
        first, stop = self._first[starts][:, None], self._stop[starts][:, None]
        steps = starts[:, None] + np.arange(-beat, AHEAD * beat)
        rest = (steps < first) | (steps >= stop)
        acts = self._store.actions[np.clip(steps, first, stop - 1)] * ~rest[..., None]
        acts = (torch.from_numpy(acts) - scale.action_mean) / scale.action_std
        latents = self._latents[np.clip(frames, first, stop - 1)]
        mean, std = (value.to(latents.device) for value in (scale.latent_mean, scale.latent_std))
        return {
            "frames": (latents.float() - mean) / std,
            "acts": acts.reshape(len(starts), AHEAD + 1, -1).float().to(latents.device),
            "inside": torch.from_numpy(frames[:, 2:] < stop).to(latents.device),
        }

    def batches(self, size: int, seed: int) -> Iterator[dict[str, Tensor]]:
        """Random windows for ever."""
        rng = np.random.default_rng(seed)
        while True:
            yield self.at(rng.choice(self.starts, size))


def motion_of(transitions: Sequence[Transitions], count: int = 512) -> float:
    """Standard deviation of how frames change within a beat."""
    rng = np.random.default_rng(0)
    some = [each.at(rng.choice(each.starts, count))["frames"] for each in transitions]
    return float(torch.cat([frames[:, 2] - frames[:, 1] for frames in some]).std())


class RollingLoss:
    """Squared errors of changes and of actions: of what is cut from a store, and of what goes on from what
    was imagined a beat before, so that drift is met in training (Bengio et al., "Scheduled sampling", 2015).
    """

    def __init__(self, model: Dynamics) -> None:
        self._model = model
        self._windows: dict[str, Tensor] = {}
        self._known: Tensor
        """The last two frames, as imagined [M, 2, C, h, w]; beside them how many beats these are on [M]."""
        self._beats: Tensor

    def __call__(
        self, batch: Mapping[str, Tensor], model: Callable[..., tuple[Tensor, Tensor]] | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        size, span = len(batch["frames"]), int(self._model.config.span)
        self._refill(batch)
        rows = torch.arange(len(self._beats), device=self._beats.device)
        levels = drawn_levels(size, len(rows), self._beats.device)
        fresh = batch["frames"][:, :2]
        fresh = fresh + DRIFT * torch.rand_like(fresh[:, :1, :1, :1, :1]) * torch.randn_like(fresh)
        known = torch.cat([fresh, self._known])
        alone = _as(torch.rand(len(levels), device=levels.device) < ALONE, known[:, 0])
        levels[:, 2] = torch.where(alone.flatten(), 1.0, levels[:, 2])
        before, now = torch.where(alone, known[:, 1], known[:, 0]), known[:, 1]
        explained = _as(levels[:size, 0] == 0, now)
        later = torch.where(explained, batch["frames"][:, 1 + span], batch["frames"][:, 2])
        later = torch.cat([later, self._windows["frames"][rows, self._beats + 2]])
        acts = torch.stack([self._windows["acts"][rows, self._beats + k] for k in (0, 1)], 1)
        acts = torch.cat([batch["acts"][:, :2], acts])
        clean = (later - now) / self._model.config.motion
        asked = self._model if model is None else model
        change, guess = asked(before, now, mix(clean[:, None], levels[:, :1])[:, 0], acts, levels)
        self._advance(now[size:], change[size:].detach())
        drawn = ((change - clean) ** 2).mean((1, 2, 3))
        sent = ((guess[:size] - batch["acts"][:, 1 : 1 + span].flatten(1)) ** 2).mean(1)
        which = levels[:size, 1]
        total = (drawn * _weight(levels[:, 0])).mean()
        total = total + ACTION * (sent * which).sum() / which.sum().clamp(min=1)
        return total, _logs(drawn.detach(), sent.detach(), levels, size)

    @torch.no_grad()
    def _refill(self, batch: Mapping[str, Tensor]) -> None:
        """Let windows that are over, and some others, begin anew as some of the batch."""
        new = {name: batch[name][::ROLLED] for name in ("frames", "acts", "inside")}
        count = len(new["frames"])
        if not self._windows or len(self._beats) != count:
            self._windows = {name: value.clone() for name, value in new.items()}
            self._known, self._beats = (
                new["frames"][:, :2].clone(),
                torch.zeros_like(new["inside"][:, 0], dtype=torch.long),
            )
            return
        rows = torch.arange(count, device=self._beats.device)
        over = (self._beats >= AHEAD) | ~self._windows["inside"][rows, self._beats.clamp(max=AHEAD - 1)]
        over |= torch.rand(count, device=over.device) < RESTART
        for name, value in new.items():
            self._windows[name] = torch.where(_as(over, value), value, self._windows[name])
        self._known = torch.where(_as(over, self._known), new["frames"][:, :2], self._known)
        self._beats = torch.where(over, 0, self._beats)

    def _advance(self, now: Tensor, change: Tensor) -> None:
        self._known = torch.stack([now, now + change.float() * self._model.config.motion], 1)
        self._beats = self._beats + 1


def drawn_levels(fresh: int, rolled: int, device: torch.device) -> Tensor:
    """Levels [fresh + rolled, 3], see `Dynamics.forward`. What is rolled on only predicts, and goes on from
    what it made of noise, or of the truth behind some: that is as sharp as what some steps draw."""
    kind, sure, u, last = torch.rand(4, fresh + rolled, device=device)
    explain = kind < EXPLAIN
    video = torch.where(sure < CERTAIN, 1.0, shifted(u, SHIFT))
    unknown = (last < UNKNOWN) | explain
    levels = torch.stack([torch.where(explain, 0.0, video), explain.float(), unknown.float()], 1)
    levels[fresh:] = F.pad(video[fresh:, None], (0, 2))
    return levels


def _as(which: Tensor, value: Tensor) -> Tensor:
    return which.reshape(-1, *(1,) * (value.ndim - 1))


def _weight(level: Tensor) -> Tensor:
    """Bounded below, and nothing for what is given: level 0 is not a question."""
    return (1 / level.clamp(min=0.35) ** 2) * (level > 0)


def _logs(change: Tensor, sent: Tensor, levels: Tensor, fresh: int) -> dict[str, float]:
    """Errors where all is noise: predicted changes, explained actions, and changes that were rolled on."""
    noise = levels[:fresh, 0] > 0.99
    found = {"roll": change[fresh:][levels[fresh:, 0] > 0.99]}
    found |= {"predict": change[:fresh][noise], "explain": sent[levels[:fresh, 1] > 0.5]}
    return {name: float(error.mean()) for name, error in found.items() if len(error)}
