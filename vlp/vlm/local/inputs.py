"""Pictures and words as the input of an image-text-to-text model of transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vlp.vlm.hosted.question import SCALE

LARGEST = 384
"""Pixels of a picture's shorter side up to which it is enlarged for models made for photographs."""


def prompt_inputs(
    processor: Any, frames: Sequence[NDArray[np.uint8]], texts: Sequence[str], system: str
) -> dict[str, Any]:
    """One picture uint8 [H, W, 3] and one text each, padded on the left, on the CPU."""
    processor.tokenizer.padding_side = "left"
    found: Mapping[str, Any] = processor(
        text=[_asked(processor, text, system) for text in texts],
        images=[[_picture(frame)] for frame in frames],
        padding=True,
        return_tensors="pt",
    )
    return dict(found)


def extended(given: Mapping[str, Any], extra: Tensor, mask: Tensor, *, answer: bool) -> dict[str, Any]:
    """The input with tokens [N, k] after the words, in every part that has an entry a token.

    `mask` [N, k]: which of them are there. `answer`: whether the model says them, which PaliGemma, that reads
    both ways what it is given, wants to know.
    """
    length = given["input_ids"].shape[1]
    more = {"input_ids": extra, "attention_mask": mask, "token_type_ids": torch.full_like(extra, int(answer))}
    longer = dict(given)
    for name, value in given.items():
        if isinstance(value, Tensor) and value.dim() == 2 and value.shape[1] == length:
            own = more.get(name, torch.zeros_like(extra)).to(value.device, value.dtype)
            longer[name] = torch.cat([value, own], 1)
    return longer


def placed(given: Mapping[str, Any], device: Any, dtype: torch.dtype) -> dict[str, Any]:
    """The input where the model is, its pictures in the model's precision."""
    return {
        name: value.to(device, dtype) if torch.is_floating_point(value) else value.to(device)
        for name, value in given.items()
    }


def _asked(processor: Any, text: str, system: str) -> str:
    """As the model was taught to be asked."""
    if getattr(processor, "chat_template", None):
        content = [{"type": "image"}, {"type": "text", "text": f"{system}\n\n{text}"}]
        asked = [{"role": "user", "content": content}]
        return str(processor.apply_chat_template(asked, add_generation_prompt=True, tokenize=False))
    # One that was not taught to chat, such as PaliGemma.
    return f"{getattr(processor, 'image_token', '<image>')}{text}\n"


def _picture(frame: NDArray[np.uint8]) -> Image.Image:
    times = SCALE if min(frame.shape[:2]) * SCALE <= LARGEST else 1
    return Image.fromarray(frame.repeat(times, 0).repeat(times, 1))
