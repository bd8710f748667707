"""Fine-tuning of an image-text-to-text model of transformers, whole or by low-rank adapters.

LoRA: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021. One process by itself, or several
under `accelerate launch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tasks.domain import Language
from video.pretrained.accelerated import accelerated, descend, ends, half_precision
from vlp.vlm.local.inputs import extended, placed, prompt_inputs
from vlp.vlm.local.lessons import Lesson, Moment, lessons

IGNORED = -100
"""Label of what is not learned."""


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """How a model is fine-tuned."""

    minutes: float
    lora: bool = True
    rank: int = 16
    batch: int = 4
    learning_rate: float = 2e-4
    seed: int = 0
    steps: int | None = None
    """At most so many; None: as many as the minutes allow."""
    cpu: bool = False
    """Whether a GPU is left alone."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    steps: int
    examples: int
    first_loss: float
    """Mean of the first tenth of the steps, at least one."""
    last_loss: float
    """And of the last tenth."""
    trained: int
    """Parameters."""


def finetune(
    model: Any,
    processor: Any,
    known: list[Moment],
    words: Language,
    config: FinetuneConfig,
    tick: Callable[[float], None] = lambda _: None,
) -> tuple[Any, Outcome]:
    """Train `model` on questions about `known` moments, in the words of their world; returns it, with
    adapters where LoRA is asked for.

    The loss is that of the answers' tokens alone. `tick` is told how many seconds each step took.
    """
    accelerator, given = accelerated(cpu=config.cpu), model.dtype
    model = with_adapters(model, config.rank) if config.lora else model.float()
    model.train()
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=config.learning_rate, weight_decay=0.0)
    model, optimizer = accelerator.prepare(model, optimizer)
    rng = np.random.default_rng([config.seed, accelerator.process_index])
    source = lessons(known, words, rng)

    def loss() -> Tensor:
        batch = placed(
            answered(processor, _take(source, config.batch), words.system), accelerator.device, given
        )
        with half_precision(accelerator, given):
            return torch.as_tensor(model(**batch).loss)

    losses = descend(
        accelerator, learned, optimizer, loss, minutes=config.minutes, most=config.steps, tick=tick
    )
    first, last = ends(losses)
    outcome = Outcome(
        steps=len(losses),
        examples=len(losses) * config.batch * accelerator.num_processes,
        first_loss=first,
        last_loss=last,
        trained=sum(parameter.numel() for parameter in learned),
    )
    model = accelerator.unwrap_model(model).eval()
    return (model if config.lora else model.to(given)), outcome


def with_adapters(model: Any, rank: int) -> Any:
    """The model with adapters on the linear layers of its language model; nothing else learns."""
    from peft import LoraConfig, get_peft_model

    own = {id(layer) for layer in model.get_decoder().modules() if isinstance(layer, torch.nn.Linear)}
    names = sorted(name for name, layer in model.named_modules() if id(layer) in own)
    return get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names))


def answered(processor: Any, batch: Sequence[Lesson], system: str) -> dict[str, Tensor]:
    """Questions with their answers behind them, and labels for the answers alone."""
    tokenizer = processor.tokenizer
    given = prompt_inputs(
        processor,
        [lesson.frame for lesson in batch],
        [lesson.question for lesson in batch],
        system,
    )
    rows = [
        [*tokenizer(lesson.answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        for lesson in batch
    ]
    most = max(map(len, rows))
    filler = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    extra = torch.tensor([[*row, *[filler] * (most - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (most - len(row)) for row in rows])
    whole = extended(given, extra, mask, answer=True)
    nothing = torch.full_like(given["input_ids"], IGNORED)
    whole["labels"] = torch.cat([nothing, extra.masked_fill(mask == 0, IGNORED)], 1)
    return whole


def save(model: Any, processor: Any, folder: Path, *, base: str) -> None:
    """Write the model, or its adapters alone, so that `--vlm transformers:FOLDER` loads it."""
    if hasattr(model, "peft_config"):
        for config in model.peft_config.values():
            config.base_model_name_or_path = base
    model.save_pretrained(folder, safe_serialization=True)
    model.config.save_pretrained(folder)  # adapters alone do not say what they belong to
    processor.save_pretrained(folder)


def record(config: FinetuneConfig, outcome: Outcome, *, base: str, data: str, moments: int) -> dict[str, Any]:
    """Settings and outcome, for a JSON file beside the weights."""
    return {"base": base, "data": data, "moments": moments, **asdict(config), **asdict(outcome)}


def _take(source: Iterator[Lesson], count: int) -> list[Lesson]:
    return [next(source) for _ in range(count)]
