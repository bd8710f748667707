"""Instructions as word numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tasks.tabletop.language import WORDS, tokenize

PAD, UNKNOWN = 0, 1
VOCABULARY = len(WORDS) + 2
MAX_WORDS = 40
_NUMBER = {word: number + 2 for number, word in enumerate(WORDS)}


def encode(texts: Sequence[str]) -> Tensor:
    """Texts to word numbers int64 [N, L], padded with 0; longer texts are cut at 40 words."""
    rows = [
        [_NUMBER.get(word, UNKNOWN) for word in tokenize(text)[:MAX_WORDS]] or [UNKNOWN] for text in texts
    ]
    result = torch.full((len(rows), max(map(len, rows), default=1)), PAD)
    for row, numbers in zip(result, rows, strict=True):
        row[: len(numbers)] = torch.tensor(numbers)
    return result
