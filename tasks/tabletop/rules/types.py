"""Standing rule, independent of how it is worded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tasks.tabletop.goals.area import area_words
from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.world.board import KINDS, words_of

SLOWEST: Final = 0.001
"""Metres a second; a lower limit would hold the pusher still."""
MAX_RULES: Final = 32


def listed(names: tuple[str, ...]) -> str:
    """Block kinds in words: "the red moon, the blue cube and the green star"."""
    named = [f"the {words_of(name)}" for name in names]
    return " and ".join(part for part in (", ".join(named[:-1]), named[-1]) if part)


@dataclass(frozen=True)
class NeverMove:
    """Blocks that must stay where they are.

    Raises ValueError for no block, an unknown kind, or one named twice.
    """

    blocks: tuple[str, ...]
    """Kind names such as "red_star"."""

    def __post_init__(self) -> None:
        known = self.blocks and all(block in KINDS for block in self.blocks)
        if not known or len(set(self.blocks)) < len(self.blocks):
            raise ValueError(
                f"expected one or more kinds among {', '.join(KINDS)}, each once; got {self.blocks!r:.80}"
            )

    @property
    def text(self) -> str:
        """The rule in plain words, which read back as this rule."""
        return f"never move {listed(self.blocks)}"


@dataclass(frozen=True)
class KeepClear:
    """An area into which neither a block's centre nor the pusher's set point may be brought.

    What is in it at the start may stay or leave. Raises ValueError for an unknown area.
    """

    area: str
    """One of tasks.tabletop.language.instruction.AREAS."""

    def __post_init__(self) -> None:
        if self.area not in AREAS:
            raise ValueError(f"expected an area among {', '.join(AREAS)}; got {self.area!r:.80}")

    @property
    def text(self) -> str:
        """The rule in plain words, which read back as this rule."""
        return f"keep the {area_words(self.area)} clear"


@dataclass(frozen=True)
class SpeedLimit:
    """How fast the pusher's set point may move.

    Raises ValueError for a limit that is not finite or below 1 mm a second.
    """

    metres_a_second: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.metres_a_second) and self.metres_a_second >= SLOWEST):
            raise ValueError(
                f"expected a finite speed limit of at least {SLOWEST} m a second, "
                f"got {self.metres_a_second:g} m a second"
            )

    @property
    def text(self) -> str:
        """The rule in plain words, which read back as this rule but for digits past the sixth."""
        return f"at most {100 * self.metres_a_second:g} cm a second"


Rule = NeverMove | KeepClear | SpeedLimit


@dataclass(frozen=True)
class BoardRules:
    """Rules that hold together: none loosens another. Raises ValueError for more than MAX_RULES."""

    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if len(self.rules) > MAX_RULES:
            raise ValueError(
                f"expected at most {MAX_RULES} rules, got {len(self.rules)}; "
                "join some, as in: never move the red star and the blue cube"
            )

    def __len__(self) -> int:
        return len(self.rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    @property
    def forbidden_blocks(self) -> tuple[str, ...]:
        """The kinds that must not be moved, each once, in the order of the rules."""
        rules = [rule for rule in self.rules if isinstance(rule, NeverMove)]
        return tuple(dict.fromkeys(block for rule in rules for block in rule.blocks))

    @property
    def areas(self) -> tuple[str, ...]:
        """The areas that are to be kept clear, each once."""
        return tuple(dict.fromkeys(rule.area for rule in self.rules if isinstance(rule, KeepClear)))

    @property
    def speed(self) -> float | None:
        """The lowest of the speed limits, metres a second; None without one."""
        limits = [rule.metres_a_second for rule in self.rules if isinstance(rule, SpeedLimit)]
        return min(limits, default=None)

    @property
    def about_blocks(self) -> bool:
        """Whether some rule says where blocks may be pushed, or which."""
        return bool(self.forbidden_blocks or self.areas)

    def against_moving(self, block: str) -> NeverMove | None:
        """The first rule that forbids to move a block."""
        rules = (rule for rule in self.rules if isinstance(rule, NeverMove))
        return next((rule for rule in rules if block in rule.blocks), None)
