"""Words as numbers: a byte-level BPE of the dataset's own texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch import Tensor
from transformers import PreTrainedTokenizerFast

PAD: Final = "<pad>"
MAX_TOKENS: Final = 24


def learn(texts: Sequence[str], vocabulary: int = 512) -> Any:
    """A tokenizer of at most `vocabulary` entries that reads any text."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text.lower() for text in texts], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD)


def encode(tokenizer: Any, texts: Sequence[str]) -> Tensor:
    """int64 [N, MAX_TOKENS]; number 0 is padding, and all of an empty text is."""
    found = tokenizer(
        [text.lower() for text in texts],
        padding="max_length",
        truncation=True,
        max_length=MAX_TOKENS,
        return_tensors="pt",
    )
    numbers: Tensor = found["input_ids"]
    return numbers


def cut(tokenizer: Any, text: str) -> int:
    """How many tokens of a text `encode` leaves out at its end: 0 where it is read whole."""
    return max(0, len(tokenizer(text.lower())["input_ids"]) - MAX_TOKENS)
