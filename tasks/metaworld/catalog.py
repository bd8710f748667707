"""Tasks and cameras of AVDC (Ko et al., "Learning to Act from Actionless Videos", ICLR 2024), by words."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from tasks.domain import UnknownInstruction

CAMERAS: Final = ("corner", "corner2", "corner3")
EVALUATION: Final = 1_000_000
"""The first seed of layouts that nothing is trained on; those of training lie below."""


@dataclass(frozen=True)
class SawyerTask:
    """One of Meta-World's tasks."""

    name: str
    """Meta-World's own, without its version."""
    text: str
    """What is said, in training and at test time."""
    grasps: bool = False
    """Whether something has to be picked up."""
    relative: bool = False
    """See tasks.domain.Goal: layouts differ, the goal does not."""
    heard: str = ""


TASKS: Final = (
    SawyerTask("door-open", "open the door"),
    SawyerTask("door-close", "close the door"),
    SawyerTask("basketball", "put the ball into the basket", grasps=True),
    SawyerTask("shelf-place", "put the block onto the shelf", grasps=True),
    SawyerTask("button-press", "press the button"),
    SawyerTask("button-press-topdown", "press the button from above"),
    SawyerTask("faucet-close", "close the faucet"),
    SawyerTask("faucet-open", "open the faucet"),
    SawyerTask("handle-press", "press the handle down"),
    SawyerTask("hammer", "hammer the nail in", grasps=True),
    SawyerTask("assembly", "put the ring onto the peg", grasps=True),
)
BY_NAME: Final = {task.name: task for task in TASKS}
PLAY: Final = "move about"
"""The words of an episode that goes for no goal."""


def understand(words: str) -> SawyerTask:
    """The task that is asked for, in its words or by its name; case, spaces and a full stop do not count.

    Raises UnknownInstruction, with near misses.
    """
    said = " ".join(words.lower().split()).rstrip(".!")
    known = {name: task for task in TASKS for name in (task.text, task.name, task.name.replace("-", " "))}
    if said in known:
        return known[said]
    near = get_close_matches(said, [task.text for task in TASKS], n=3, cutoff=0.4)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise UnknownInstruction(f"expected a task of Meta-World, got {words!r:.60}{hint}")
