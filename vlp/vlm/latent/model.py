"""Network of the learned VLM, by transformers: a ViT of the pixels' latents before a GPT-2 of the words.

The vision tower stands on the encoder of the model of video: convolutions before it let it learn sooner
(Xiao et al., "Early convolutions help transformers see better", 2021), and frames are encoded once for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

from vlp.vlm.latent import words
from vlp.vlm.latent.lessons import IGNORED

NOISE = 0.1
"""Standard deviation of what is added to latents in training: those of imagined frames are never the same."""


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


def loss(model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the answers' tokens; every answer counts alike, however long it is."""
    latents = batch["latents"]
    noisy = latents + NOISE * torch.randn_like(latents) if model.training else latents
    found = model(pixel_values=noisy, decoder_input_ids=batch["tokens"][:, :-1])
    labels = batch["labels"][:, 1:]
    logits = found.logits.float().transpose(1, 2)
    each = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none").sum(1)
    error = (each / (labels != IGNORED).sum(1).clamp(min=1)).mean()
    right = (found.logits.detach().argmax(-1) == labels)[labels != IGNORED]
    return error, {"right": float(right.float().mean()) if len(right) else float("nan")}


@torch.no_grad()
def chances(model: Any, seen: Tensor, before: list[int], among: list[int]) -> Tensor:
    """Of pictures that were seen [N, S, width] the chances [N, len(among)] of the token after `before`."""
    tokens = torch.tensor([before] * len(seen), device=seen.device)
    found = model.decoder(input_ids=tokens, encoder_hidden_states=seen)
    return torch.as_tensor(found.logits[:, -1, among].float().softmax(-1))
