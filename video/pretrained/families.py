"""Families of image-to-video transformers in training: their latents, their noise, what they answer.

Wan and LTX learn flow matching's velocity (Lipman et al., 2023; Liu et al., 2023), CogVideoX the velocity of
diffusion (Salimans and Ho, 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from video.pretrained.pipeline import PretrainedError

Asked = dict[str, Any]
"""What a transformer is called with."""


def _check(asked: Tensor, clean: Tensor) -> None:
    """Raises ValueError where the pipeline makes other latents than those of the clip, as it does where it
    rounds a number of frames, or pads."""
    if asked.shape != clean.shape:
        raise ValueError(f"its latents are {list(asked.shape)}, those of the clip {list(clean.shape)}")


@dataclass(frozen=True)
class Exercise:
    """One noisy clip."""

    asked: Asked
    target: Tensor
    """What the transformer should answer."""
    weight: Tensor
    """Of each number of the answer, broadcast."""


class Family(Protocol):
    """What differs between families. Batches of one clip."""

    def encode(self, pipeline: Any, video: Tensor) -> Tensor:
        """A video [1, 3, F, H, W] in -1..1 to latents as the transformer knows them."""
        ...

    def exercise(self, pipeline: Any, asked: Asked, clean: Tensor, draws: torch.Generator) -> Exercise:
        """Noisy latents in what the pipeline asked its transformer in one step of its own."""
        ...


class Wan:
    """Latents [1, 16, f, h, w] beside those of the first frame."""

    def encode(self, pipeline: Any, video: Tensor) -> Tensor:
        """See Family."""
        vae = pipeline.vae
        latents = vae.encode(video.to(vae.dtype)).latent_dist.mode()
        shape = (1, vae.config.z_dim, 1, 1, 1)
        mean = torch.tensor(vae.config.latents_mean).view(shape).to(latents)
        std = torch.tensor(vae.config.latents_std).view(shape).to(latents)
        return torch.as_tensor((latents - mean) / std)

    def exercise(self, pipeline: Any, asked: Asked, clean: Tensor, draws: torch.Generator) -> Exercise:
        """See Family."""
        share, noise = _share(draws), _noise(clean, draws)
        known = asked["hidden_states"][:, clean.shape[1] :]
        _check(asked["hidden_states"][:, : clean.shape[1]], clean)
        hidden = torch.cat([(1 - share) * clean + share * noise, known.to(clean)], 1)
        time = torch.full_like(asked["timestep"], 0, dtype=torch.float32) + share * 1000
        return Exercise(
            {**asked, "hidden_states": hidden, "timestep": time}, noise - clean, torch.ones(1).to(clean)
        )


class LTX:
    """Packed latents [1, tokens, C]; the first frame's are clean, at time 0."""

    def encode(self, pipeline: Any, video: Tensor) -> Tensor:
        """See Family."""
        vae = pipeline.vae
        latents = vae.encode(video.to(vae.dtype)).latent_dist.mode()
        latents = pipeline._normalize_latents(latents, vae.latents_mean, vae.latents_std)
        sizes = (pipeline.transformer_spatial_patch_size, pipeline.transformer_temporal_patch_size)
        return torch.as_tensor(pipeline._pack_latents(latents, *sizes))

    def exercise(self, pipeline: Any, asked: Asked, clean: Tensor, draws: torch.Generator) -> Exercise:
        """See Family."""
        share, noise = _share(draws), _noise(clean, draws)
        _check(asked["hidden_states"], clean)
        moving = (asked["timestep"] > 0).to(clean)  # [1, tokens]
        noisy = (1 - share) * clean + share * noise
        hidden = torch.where(moving[..., None] > 0, noisy, asked["hidden_states"].to(clean))
        given = {**asked, "hidden_states": hidden, "timestep": moving * share * 1000}
        return Exercise(given, noise - clean, moving[..., None])


class CogVideoX:
    """Latents [1, f, C, h, w] beside those of the first frame."""

    def encode(self, pipeline: Any, video: Tensor) -> Tensor:
        """See Family."""
        vae = pipeline.vae
        latents = vae.encode(video.to(vae.dtype)).latent_dist.mode() * vae.config.scaling_factor
        return torch.as_tensor(latents.permute(0, 2, 1, 3, 4))

    def exercise(self, pipeline: Any, asked: Asked, clean: Tensor, draws: torch.Generator) -> Exercise:
        """See Family."""
        scheduler, noise = pipeline.scheduler, _noise(clean, draws)
        most = scheduler.config.num_train_timesteps
        time = torch.randint(0, most, (1,), generator=draws).to(clean.device)
        noisy = scheduler.add_noise(clean, noise, time)
        known = asked["hidden_states"][:, :, clean.shape[2] :]
        _check(asked["hidden_states"][:, :, : clean.shape[2]], clean)
        given = {**asked, "hidden_states": torch.cat([noisy, known.to(clean)], 2), "timestep": time}
        kinds = {"epsilon": noise, "sample": clean}
        target = kinds.get(scheduler.config.prediction_type)
        if target is None:
            target = scheduler.get_velocity(clean, noise, time)
        return Exercise(given, target, torch.ones(1).to(clean))


def family(pipeline: Any) -> Family:
    """The family of a pipeline. Raises PretrainedError for one that can't be fine-tuned here."""
    name = type(pipeline).__name__
    if name == "WanImageToVideoPipeline" and not pipeline.config.get("expand_timesteps"):
        return Wan()
    if name == "LTXImageToVideoPipeline":
        return LTX()
    if name == "CogVideoXImageToVideoPipeline":
        return CogVideoX()
    raise PretrainedError(
        f"base: expected an image-to-video pipeline of Wan 2.1, LTX or CogVideoX, got {name}; "
        "fine-tune it with its makers' own script"
    )


def _share(draws: torch.Generator) -> float:
    """Of noise, from 0 to 1."""
    return float(torch.rand((), generator=draws))


def _noise(like: Tensor, draws: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=draws).to(like)
