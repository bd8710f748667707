"""Constrained choices of a language model, as a tree of tokens: nothing else than one of the given texts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_Branch = dict[int, "_Branch"]


class Choices:
    """A tree of tokens.

    Args:
        texts: token numbers of each text, none of them empty.
        end: the token after a text.
    """

    def __init__(self, texts: Sequence[Sequence[int]], end: int) -> None:
        self.end = end
        self._root: _Branch = {}
        for text in texts:
            branch = self._root
            for token in [*text, end]:
                branch = branch.setdefault(token, {})

    def start(self, count: int) -> list[_Branch]:
        """Where `count` texts begin."""
        return [self._root] * count

    @staticmethod
    def allowed(branches: Sequence[_Branch], vocabulary: int) -> Tensor:
        """What may come next at each, [N, vocabulary] of 0 and -inf. After the end everything may: nobody
        reads it, and a row of -inf alone would be no distribution."""
        mask = torch.full((len(branches), vocabulary), -torch.inf)
        for row, branch in zip(mask, branches, strict=True):
            if branch:
                row[list(branch)] = 0.0
            else:
                row.zero_()
        return mask

    @staticmethod
    def step(branches: Sequence[_Branch], tokens: Sequence[int]) -> list[_Branch]:
        """Where the texts are after one more token each."""
        return [branch.get(token, {}) for branch, token in zip(branches, tokens, strict=True)]
