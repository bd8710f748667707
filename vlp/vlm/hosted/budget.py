"""Budget of a hosted model in one run: calls, tokens and money, counted before they are spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vlp.errors import ModelError, UsageError

MILLION: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class CallLimits:
    """The most that one run may use. Raises UsageError for limits that make no sense."""

    calls: int = 2000
    tokens: int | None = None
    cost: float | None = None
    """US dollars; needs the prices."""
    price: tuple[float, float] | None = None
    """US dollars for a million tokens, given and answered."""

    def __post_init__(self) -> None:
        if self.calls < 1 or (self.tokens is not None and self.tokens < 1):
            raise UsageError(
                f"budget of the VLM: expected 1 or more calls and tokens, got {self.calls} and "
                f"{self.tokens}; raise them"
            )
        if self.cost is not None and not (self.cost > 0 and self.price):
            raise UsageError(
                f"budget of the VLM: expected an amount above 0 and prices with it, got {self.cost} and "
                f"{self.price}; give --vlm-price GIVEN ANSWERED in dollars a million tokens"
            )
        if self.price is not None and min(self.price) < 0:
            raise UsageError(f"price of the VLM: expected 0 or more, got {self.price}; give dollars")


@dataclass(frozen=True)
class Tokens:
    """Of one call."""

    given: int
    answered: int


class Budget:
    """Counts what is spent, and refuses what would be too much. What is asked for counts as spent in full
    until its answer says what it really took, so that calls at the same time can't spend the same money."""

    def __init__(self, limits: CallLimits) -> None:
        self.limits = limits
        self.calls = self.given = self.answered = 0
        self._scale = 1.0
        """How many times more tokens servers told of than were reserved."""
        self.estimated = False
        """Whether a server that told no usage made some of this a guess."""

    @property
    def tokens(self) -> int:
        return self.given + self.answered

    @property
    def cost(self) -> float | None:
        """US dollars; None where the prices are not known."""
        return None if self.limits.price is None else self._price(Tokens(self.given, self.answered))

    @property
    def unknown(self) -> bool:
        """Whether there is a limit of tokens or money, and no server has told yet how it counts tokens."""
        return not self.calls and (self.limits.tokens is not None or self.limits.cost is not None)

    def reserve(self, most: Tokens) -> Tokens:
        """Count one call of `most` tokens, or of more where pictures turned out to cost more; what was
        counted. Raises ModelError, and counts nothing, where that is too much."""
        most = Tokens(round(most.given * self._scale), most.answered)
        limits, tokens = self.limits, self.tokens + most.given + most.answered
        cost = (self.cost or 0.0) + self._price(most)
        if self.calls >= limits.calls:
            raise self._spent(f"{limits.calls} calls", "calls")
        if limits.tokens is not None and tokens > limits.tokens:
            raise self._spent(f"{limits.tokens:,} tokens", "tokens")
        if limits.cost is not None and cost > limits.cost:
            raise self._spent(f"{limits.cost:g} dollars", "cost")
        self._count(1, most)
        return most

    def settle(self, reserved: Tokens, used: Tokens, *, told: bool = True) -> None:
        """Put what a call really took in the place of what was reserved. `told`: whether the server said."""
        if told and used.given > reserved.given:
            self._scale *= used.given / reserved.given
        self._count(0, Tokens(used.given - reserved.given, used.answered - reserved.answered))
        self.estimated = self.estimated or not told

    def as_dict(self) -> Mapping[str, int | float | bool | None]:
        """For result.json."""
        return {
            "calls": self.calls,
            "tokens_given": self.given,
            "tokens_answered": self.answered,
            "cost": None if self.cost is None else round(self.cost, 6),
            "estimated": self.estimated,
        }

    def __str__(self) -> str:
        limits, about = self.limits, "about " if self.estimated else ""
        parts = [f"{self.calls} of {limits.calls} calls"]
        parts.append(
            f"{about}{self.tokens:,}" + (f" of {limits.tokens:,}" if limits.tokens else "") + " tokens"
        )
        if self.cost is not None:
            parts.append(f"{self.cost:.4f}" + (f" of {limits.cost:g}" if limits.cost else "") + " dollars")
        return ", ".join(parts)

    def _count(self, calls: int, tokens: Tokens) -> None:
        self.calls += calls
        self.given += tokens.given
        self.answered += tokens.answered

    def _price(self, tokens: Tokens) -> float:
        given, answered = self.limits.price or (0.0, 0.0)
        return (tokens.given * given + tokens.answered * answered) / MILLION

    def _spent(self, limit: str, option: str) -> ModelError:
        return ModelError(
            f"VLM: expected to stay within {limit} a run, got to that limit ({self}); "
            f"raise --vlm-max-{option} or plan with fewer branches"
        )
