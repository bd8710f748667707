"""Token room: how many a model that thinks before it answers gets beside those of its answer."""

from __future__ import annotations

from typing import Final

FIRST: Final = 2_000
TIMES: Final = 8
MOST: Final = 32_000
_SPEAKS: Final = ("max_tokens", "max_completion_tokens", "context", "maximum", "too large", "too long")


class Room:
    """Tokens beside an answer's own: none, until one is cut off."""

    def __init__(self) -> None:
        self.extra = 0
        self._most = MOST

    def grow(self, used: int) -> None:
        """An answer was cut off in spite of `used` tokens. Where another question has made it more
        meanwhile, that is to be tried first."""
        if self.extra <= used:
            self.extra = min(used * TIMES or FIRST, self._most)

    def refused(self, complaint: str, used: int) -> bool:
        """Take less where a server complains that `used` tokens are more than it has; whether it does."""
        if not used or not any(word in complaint for word in _SPEAKS):
            return False
        self._most = min(self._most, used // 2)
        self.extra = min(self.extra, self._most)
        return True
