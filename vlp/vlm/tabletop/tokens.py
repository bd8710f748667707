"""The VLM's tokens: the grammar's words, bins of steps-to-go, and a few marks."""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.tabletop.language import WORDS, tokenize

BIN_WIDTH = 8.0
"""Control steps a bin of steps-to-go."""
BINS = 60
_MARKS = ("<pad>", "<eos>", "<unknown>", "<image>", "<steps>", "<do>")
PAD, EOS, UNKNOWN, IMAGE, STEPS, DO = range(len(_MARKS))
FIRST_BIN = len(_MARKS)
FIRST_WORD = FIRST_BIN + BINS
VOCABULARY = FIRST_WORD + len(WORDS)
_NUMBER = {word: FIRST_WORD + i for i, word in enumerate(WORDS)}
MOST_STEPS = BIN_WIDTH * (BINS - 1)


def encode(text: str) -> list[int]:
    """A text as token numbers."""
    return [_NUMBER.get(word, UNKNOWN) for word in tokenize(text)]


def decode(numbers: list[int]) -> str:
    """Token numbers up to the end mark as text; marks inside are dropped."""
    words = []
    for number in numbers:
        if number == EOS:
            break
        if number >= FIRST_WORD:
            words.append(WORDS[number - FIRST_WORD])
    return " ".join(words).replace(" ,", ",")


def bin_centers() -> Tensor:
    """Steps-to-go that each bin stands for, [BINS] control steps."""
    return torch.arange(BINS) * BIN_WIDTH


def soft_bins(steps: Tensor, sigma: float = 0.75) -> Tensor:
    """Steps [N] as distributions over bins [N, BINS]: a Gaussian's mass in each bin (HL-Gauss:
    Farebrother et al., "Stop Regressing: Training Value Functions via Classification", 2024)."""
    steps = steps.clamp(0, MOST_STEPS)
    edges = (torch.arange(BINS + 1) - 0.5) * BIN_WIDTH
    mass: Tensor = torch.special.ndtr((edges - steps[:, None]) / (sigma * BIN_WIDTH))
    share = mass[:, 1:] - mass[:, :-1]
    return share / share.sum(1, keepdim=True)
