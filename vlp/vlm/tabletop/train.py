"""Training of the VLM: next words of the subgoal, and the bin of steps-to-go."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PaliGemmaForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

from tasks.learning.trainer import Batch
from vlp.vlm.tabletop import tokens
from vlp.vlm.tabletop.vision import image_tokens


def loss(model: PaliGemmaForConditionalGeneration, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of words and bins. Slots stand in for pictures, so that no picture need be drawn:
    the frozen encoder would only turn the picture back into them."""
    features = model.model.multi_modal_projector(image_tokens(batch["slots"]))
    out = model(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        token_type_ids=batch["token_type_ids"],
        mm_encoder_outputs={"image": BaseModelOutputWithPooling(pooler_output=features)},
        use_cache=False,
    ).logits.float()
    words = F.cross_entropy(out.flatten(0, 1), batch["labels"].flatten(), ignore_index=-100)
    rows = torch.arange(len(out), device=out.device)
    logits = out[rows, batch["mark"], tokens.FIRST_BIN : tokens.FIRST_WORD]
    bins = -(batch["bins"] * F.log_softmax(logits, -1)).sum(-1).mean()
    with torch.no_grad():
        centers = tokens.bin_centers().to(out.device)
        error = ((logits.softmax(-1) - batch["bins"]) @ centers).abs().mean()
    return words + 0.5 * bins, {
        "words": float(words.detach()),
        "bins": float(bins.detach()),
        "steps_error": float(error),
    }
