"""The VLM's eye: the slot encoder as a transformers vision tower, one image token a slot."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

from tasks.learning.attention import waves
from tasks.tabletop.seeing.encoder import SlotEncoder, tidy
from tasks.tabletop.world.board import COLORS, KINDS, SHAPES, color_of, shape_of

IMAGE_TOKENS = 12
"""Slots shown to the language model, present ones first."""
MOST_BLOCKS = IMAGE_TOKENS - 1
"""Blocks that it can be shown: the pusher takes a token too."""
FEATURES = 24 + 5 + len(COLORS) + len(SHAPES) + 2


class SlotVisionConfig(PreTrainedConfig):  # type: ignore[misc]
    """Configuration of the slot vision tower.

    Args:
        encoder: the slot encoder's own configuration.
        projection_dim: width of the language model.
    """

    model_type = "vlp_slot_vision"

    def __init__(
        self, encoder: dict[str, Any] | None = None, projection_dim: int = 256, **kwargs: Any
    ) -> None:
        self.encoder = encoder or {}
        self.hidden_size = FEATURES
        self.projection_dim = projection_dim
        # PaliGemma counts image tokens as (image_size // patch_size)**2 and then never uses the count.
        self.image_size = self.patch_size = 1
        super().__init__(**kwargs)


def _kinds() -> Tensor:
    """Colour and shape of each slot as one-hot rows [17, 10]; the pusher has its own of each."""
    colors = [COLORS.index(color_of(kind)) for kind in KINDS] + [len(COLORS)]
    shapes = [SHAPES.index(shape_of(kind)) for kind in KINDS] + [len(SHAPES)]
    eye = torch.nn.functional.one_hot
    return torch.cat([eye(torch.tensor(colors), 5), eye(torch.tensor(shapes), 5)], 1).float()


def image_tokens(slots: Tensor) -> Tensor:
    """Slots [N, 17, 5] (presence 0 or 1) to features [N, 12, FEATURES]; tokens of no slot are zero.

    A board with more slots than tokens has no features: all of its are NaN, so that nothing is said of it as
    if the rest were not there.
    """
    order = torch.argsort((slots[..., 0] < 0.5).long(), dim=1, stable=True)[:, :IMAGE_TOKENS]
    rows = torch.arange(len(slots), device=slots.device)[:, None]
    kept = slots[rows, order]
    kinds = _kinds().to(slots.device)[order]
    features = torch.cat([waves(kept[..., 1:3]), kept, kinds], -1)
    features = features * (kept[..., :1] > 0.5)
    too_many = (slots[..., 0] > 0.5).sum(1) > IMAGE_TOKENS
    return features.masked_fill(too_many[:, None, None], torch.nan)


class SlotVisionModel(PreTrainedModel):  # type: ignore[misc]
    """Pixels [N, 3, H, W] in 0..1 to image tokens [N, 12, FEATURES]."""

    config_class = SlotVisionConfig
    main_input_name = "pixel_values"

    def __init__(self, config: SlotVisionConfig) -> None:
        super().__init__(config)
        self.encoder = SlotEncoder(**config.encoder)
        self.post_init()

    def _init_weights(self, module: torch.nn.Module) -> None:
        """The encoder comes trained; only what its weights do not hold is set."""
        if isinstance(module, SlotEncoder):
            module.restore_geometry()

    def forward(self, pixel_values: Tensor, **_: Any) -> BaseModelOutputWithPooling:
        features = image_tokens(tidy(self.encoder(pixel_values)))
        return BaseModelOutputWithPooling(last_hidden_state=features)


AutoConfig.register(SlotVisionConfig.model_type, SlotVisionConfig, exist_ok=True)
AutoModel.register(SlotVisionConfig, SlotVisionModel, exist_ok=True)
