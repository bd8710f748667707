"""Network of the learned VLM, by transformers: a ViT of the pixels' latents before a GPT-2 of the words.

The vision tower stands on the encoder of the model of video: convolutions before it let it learn sooner
(Xiao et al., "Early convolutions help transformers see better", 2021), and frames are encoded once for both.
Beside its tokens are a few of hints: what the model of video's action prior sees by the words of the goal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

from video.latent.clips import Scale
from video.latent.prior import ActionPrior
from video.latent.termination import NOISE
from vlp.vlm.latent import words
from vlp.vlm.latent.lessons import IGNORED
from vlp.vlm.latent.scaled import Scaled


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Sizes that hold for any dataset."""

    patch: int = 4
    """Latents on a side of a token."""
    width: int = 192
    layers: int = 6
    """Of the vision tower; half as many of the words."""
    heads: int = 4


def build(vocabulary: int, size: tuple[int, int, int], config: NetworkConfig | None = None) -> Any:
    """An untrained VisionEncoderDecoderModel of latents [C, h, w] = size and so many tokens."""
    config = config or NetworkConfig()
    vision = ViTConfig(
        hidden_size=config.width, num_hidden_layers=config.layers, num_attention_heads=config.heads,
        intermediate_size=4 * config.width, image_size=list(size[1:]),
        patch_size=config.patch, num_channels=size[0],
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    language = GPT2Config(
        vocab_size=vocabulary, n_positions=words.MOST, n_embd=config.width, n_layer=config.layers // 2,
        n_head=config.heads, add_cross_attention=True, is_decoder=True, resid_pdrop=0.0, embd_pdrop=0.0,
        attn_pdrop=0.0, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    both = VisionEncoderDecoderConfig.from_encoder_decoder_configs(vision, language)
    return VisionEncoderDecoderModel(config=both)


class Hints(Scaled, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """What an action prior sees in a picture by a goal's words, as tokens beside those of the vision tower: a
    tower that is not told what to look for finds small things late.

    Args:
        sees: settings of the ActionPrior, which is not trained here.
        width: of a token.
        tokens: of hints.
    """

    @register_to_config
    def __init__(self, *, sees: dict[str, Any], width: int, tokens: int = 4) -> None:
        super().__init__()
        self.prior = ActionPrior(**sees).requires_grad_(False)
        self.norm = nn.LayerNorm(self.prior.features)
        self.out = nn.Linear(self.prior.features, tokens * width)
        self.keep_scale(sees["size"][0])

    @classmethod
    def of(cls, prior: ActionPrior, scale: Scale, width: int) -> Hints:
        """Untrained ones of a prior that was trained on latents of such a scale."""
        hints: Hints = cls(sees=prior.settings, width=width)
        hints.prior.load_state_dict(prior.state_dict())
        return hints.of_scale(scale)

    def forward(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Latents [N, C, h, w] and goals' words [N, L], as the prior reads them, to [N, tokens, width]."""
        with torch.no_grad():
            seen = self.prior.look(self.unit(latents), goals)
        return torch.as_tensor(self.out(self.norm(seen)).unflatten(1, (self.config.tokens, -1)))


class Network(nn.Module):
    """Both: a VisionEncoderDecoderModel and the hints beside what its encoder sees."""

    def __init__(self, model: Any, hints: Hints) -> None:
        super().__init__()
        self.model, self.hints = model, hints

    def see(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Latents [N, C, h, w] and goals' words [N, L] as the decoder looks at them [N, S, width]."""
        seen = self.model.encoder(pixel_values=latents).last_hidden_state
        return torch.cat([seen, self.hints(latents, goals).to(seen.dtype)], 1)


def loss(model: Network, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the answers' tokens; every answer counts alike, however long it is."""
    latents = batch["latents"]
    noisy = latents + NOISE * torch.randn_like(latents) if model.training else latents
    seen = model.see(noisy, batch["goals"])[batch["about"]]
    found = model.model.decoder(input_ids=batch["tokens"][:, :-1], encoder_hidden_states=seen)
    labels = batch["labels"][:, 1:]
    logits = found.logits.float().transpose(1, 2)
    each = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none").sum(1)
    error = (each / (labels != IGNORED).sum(1).clamp(min=1)).mean()
    right = (found.logits.detach().argmax(-1) == labels)[labels != IGNORED]
    return error, {"right": float(right.float().mean()) if len(right) else float("nan")}


@torch.no_grad()
def chances(decoder: Any, seen: Tensor, before: list[int], among: list[int]) -> Tensor:
    """Of pictures that were seen [N, S, width] the chances [N, len(among)] of the token after `before`."""
    tokens = torch.tensor([before] * len(seen), device=seen.device)
    found = decoder(input_ids=tokens, encoder_hidden_states=seen)
    return torch.as_tensor(found.logits[:, -1, among].float().softmax(-1))
