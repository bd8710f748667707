"""The text-and-first-frame-conditioned video pipeline: see, denoise, draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray
from torch import Tensor

from tasks.learning.precision import fast
from tasks.tabletop.language.tokens import encode
from tasks.tabletop.seeing.encoder import SlotEncoder, distinct
from video.tabletop.aim import aimed, bent
from video.tabletop.contact import set_apart
from video.tabletop.denoiser import MOTION_SCALE, SlotDenoiser
from video.tabletop.renderer import SlotRenderer, visible


class SlotVideoPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Imagines clips of the board.

    Args:
        encoder: pictures to slots.
        denoiser: motions of slots from noise, words and first slots.
        renderer: slots to pictures.
        scheduler: flow matching, Euler steps.
    """

    def __init__(
        self,
        encoder: SlotEncoder,
        denoiser: SlotDenoiser,
        renderer: SlotRenderer,
        scheduler: FlowMatchEulerDiscreteScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(encoder=encoder, denoiser=denoiser, renderer=renderer, scheduler=scheduler)

    @property
    def frames(self) -> int:
        """T, future frames a clip."""
        return int(self.denoiser.config.frames)

    @torch.inference_mode()
    def __call__(
        self, frames: NDArray[np.uint8], subgoals: Sequence[str], seeds: Sequence[int], steps: int = 2
    ) -> NDArray[np.uint8]:
        """Frames uint8 [N, H, W, 3], a text and a seed for each, to clips uint8 [N, T, H, W, 3]."""
        if not len(frames) == len(subgoals) == len(seeds):
            raise ValueError(
                "expected as many frames as subgoals and seeds, "
                f"got {len(frames)}, {len(subgoals)}, {len(seeds)}"
            )
        unique, back = distinct(np.asarray(frames))  # many branches begin where another does
        seen = self.encoder.see(unique)[back]
        first = visible(torch.from_numpy(seen).to(self.device))
        clips = denoise(self.denoiser, first, subgoals, seeds, steps, scheduler=self.scheduler)
        return np.asarray(self.renderer.imagine(frames, first, clips))


@torch.inference_mode()
def denoise(
    denoiser: SlotDenoiser,
    first: Tensor,
    texts: Sequence[str],
    seeds: Sequence[int],
    steps: int = 2,
    *,
    scheduler: FlowMatchEulerDiscreteScheduler | None = None,
) -> Tensor:
    """First slots [N, 17, 5], a text and a seed for each, to future slots [N, T, 17, 5]."""
    device, frames = first.device, int(denoiser.config.frames)
    scheduler = scheduler or FlowMatchEulerDiscreteScheduler()
    words, aims = aimed(texts, first)
    text = denoiser.read(encode(words).to(device))
    # One generator a branch, so that a branch is the same whatever stands beside it.
    shape = (first.shape[1], frames, 4)
    rows = [torch.randn(shape, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds]
    latent = torch.stack(rows).to(device)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / steps, steps), device=device)
    for index, moment in enumerate(scheduler.timesteps):
        sigma = scheduler.sigmas[index].to(device)
        with fast(device.type):
            clean = denoiser(latent, sigma.expand(len(latent)), first, text).float()
        latent = scheduler.step((latent - clean) / sigma, moment, latent, return_dict=False)[0]
    return set_apart(first, bent(first, follow(first, latent), aims))


def follow(first: Tensor, motions: Tensor) -> Tensor:
    """First slots [N, 17, 5] and scaled motions [N, 17, T, 4] to future slots [N, T, 17, 5]."""
    scale = torch.tensor(MOTION_SCALE, device=motions.device)
    values = first[:, :, None, 1:] + motions / scale
    turn = torch.nn.functional.normalize(values[..., 2:], dim=-1)
    values = torch.cat([values[..., :2], turn], -1)
    present = first[:, :, None, :1].expand(*values.shape[:-1], 1)
    return visible(torch.cat([present, values], -1).transpose(1, 2))


def motions(first: Tensor, clips: Tensor) -> Tensor:
    """The way back from `follow`: slots to scaled motions [N, 17, T, 4], zero for absent slots."""
    gap = clips[..., 1:].transpose(1, 2) - first[:, :, None, 1:]
    return gap * torch.tensor(MOTION_SCALE, device=gap.device) * first[:, :, None, :1]
