"""Words of the learned VLM: the dataset's own, the questions that it is asked, and its answers in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from video.latent import text

SUBGOAL: Final = "<subgoal>"
STEPS: Final = "<steps>"
DONE: Final = "<done>"
END: Final = "<end>"
NO, YES = "<no>", "<yes>"
BINS: Final = 32
"""Into which the time to the end is cut."""
MOST: Final = 96
"""Tokens of a question and its answer."""


def bins() -> list[str]:
    """The tokens of the time to the end, from little to much."""
    return [f"<steps{number}>" for number in range(BINS)]


def learn(texts: Sequence[str]) -> Any:
    """A tokenizer of these texts, the questions and the answers."""
    tokenizer = text.learn(texts)
    tokenizer.add_special_tokens({"additional_special_tokens": [SUBGOAL, STEPS, DONE, END, NO, YES, *bins()]})
    return tokenizer


def plain(said: str) -> str:
    """A text in the one form in which texts are compared."""
    return " ".join(said.lower().split())


def numbers(tokenizer: Any, said: str) -> list[int]:
    """A text as numbers of tokens; any text can be read."""
    return [int(number) for number in tokenizer(said.lower(), add_special_tokens=False)["input_ids"]]


def of(tokenizer: Any, *tokens: str) -> list[int]:
    """The numbers of tokens."""
    return [int(number) for number in tokenizer.convert_tokens_to_ids(list(tokens))]
