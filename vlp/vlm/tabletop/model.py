"""The VLM built from config: PaliGemma's architecture, small, with the slot encoder as its eye."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import GemmaConfig, PaliGemmaConfig, PaliGemmaForConditionalGeneration

from tasks.tabletop.seeing.encoder import SlotEncoder
from vlp.vlm.tabletop import tokens
from vlp.vlm.tabletop.vision import IMAGE_TOKENS, SlotVisionConfig


def build(
    encoder: SlotEncoder, width: int = 192, layers: int = 5, heads: int = 4
) -> PaliGemmaForConditionalGeneration:
    """A new VLM with fresh weights around a trained slot encoder, which stays as it is."""
    text = GemmaConfig(
        vocab_size=tokens.VOCABULARY,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=width // heads,
        max_position_embeddings=128,
        pad_token_id=tokens.PAD,
        eos_token_id=tokens.EOS,
        bos_token_id=tokens.STEPS,
    )
    given = {name: encoder.config[name] for name in ("height", "width", "channels", "camera")}
    config = PaliGemmaConfig(
        vision_config=SlotVisionConfig(encoder=given, projection_dim=width),
        text_config=text,
        image_token_index=tokens.IMAGE,
        projection_dim=width,
        tie_word_embeddings=True,
    )
    model = PaliGemmaForConditionalGeneration(config)
    model.model.vision_tower.encoder.load_state_dict(encoder.state_dict())
    model.model.vision_tower.requires_grad_(False)
    return model


def prompt(goals: Sequence[str], suffixes: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    """Image tokens, the goal's words and a suffix as padded model input [N, L]; the suffix is causal."""
    rows = [[tokens.IMAGE] * IMAGE_TOKENS + tokens.encode(goal) for goal in goals]
    whole = [row + list(suffix) for row, suffix in zip(rows, suffixes, strict=True)]
    length = max(map(len, whole))
    ids = torch.full((len(whole), length), tokens.PAD)
    kinds = torch.zeros((len(whole), length), dtype=torch.long)
    for i, row in enumerate(whole):
        ids[i, length - len(row) :] = torch.tensor(row)
        kinds[i, length - len(suffixes[i]) :] = 1
    return {"input_ids": ids, "attention_mask": (ids != tokens.PAD).long(), "token_type_ids": kinds}
