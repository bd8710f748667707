"""Written programs: goals as data, by whoever does not speak the grammar, checked before they count."""

from tasks.tabletop.written.program import Written, goal_of
from tasks.tabletop.written.sets import Unsound

__all__ = ["Unsound", "Written", "goal_of"]
