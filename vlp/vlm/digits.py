"""Steps-to-go as the expected value of a digit, from the log-probabilities that a server tells."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vlp.vlm.hosted.completion import Choice, Read, TokenChances, UnusableReply, text

UNIT = 40.0
"""Control steps that a digit stands for, about one push: 0 is done, 9 is 360 or more."""
TOP = 20
"""Alternatives asked for at each token; no server gives more."""


class NoChances(UnusableReply):
    """A reply without log-probabilities: the server does not give them."""


def digits_of(count: int) -> Read[NDArray[np.float64]]:
    """Reads `count` digits, one a picture, as chances [count, 10]."""

    def read(choice: Choice) -> NDArray[np.float64]:
        text(choice)
        tokens = (choice.logprobs and choice.logprobs.content) or []
        if not any(token.top_logprobs for token in tokens):
            raise NoChances("it has no log-probabilities")
        found = [token for token in tokens if _digit(token.token) is not None]
        if len(found) != count:
            raise UnusableReply(f"expected {count} digits, one a picture, got {len(found)}")
        return np.stack([_chances(token) for token in found])

    return read


def steps(chances: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Chances of digits [N, 10] to mean and spread [N], in control steps."""
    values = UNIT * np.arange(10)
    mean = chances @ values
    spread = np.sqrt(np.maximum((chances * (values - mean[:, None]) ** 2).sum(1), 0.0))
    return mean.astype(np.float32), spread.astype(np.float32)


def _digit(token: str) -> int | None:
    said = token.strip()
    return int(said) if len(said) == 1 and said in "0123456789" else None


def _chances(token: TokenChances) -> NDArray[np.float64]:
    """Of the ten digits [10], among which the alternatives that are none have no share."""
    share = np.zeros(10)
    for other in token.top_logprobs:
        digit = _digit(other.token)
        if digit is not None and other.logprob <= 0.0:  # " 3" and "3" are one digit
            share[digit] += math.exp(other.logprob)
    if not share.sum() > 0:
        raise UnusableReply("its log-probabilities name no digit")
    return np.asarray(share / share.sum())
