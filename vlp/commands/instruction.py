"""Is an instruction understood? Asked before anything heavy is loaded or written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vlp.errors import InstructionError

if TYPE_CHECKING:
    from tasks.rules import Rules


def check_instruction(text: str, *, seed: int, rules: Sequence[str] = ()) -> None:
    """Raises InstructionError, whose one line lists what can be asked, for a text that the board of this
    seed gives no meaning: unknown words, tasks or blocks, nothing at all; and for such a rule."""
    import numpy as np

    from tasks.goal import understand
    from tasks.grammar import UnknownInstruction
    from tasks.layout import random_layout

    blocks, _ = random_layout(np.random.default_rng(seed))
    known = f"known tasks: {_known(sorted(blocks))}"
    if not text.strip():
        raise InstructionError(f"instruction: expected words, got {'blanks' if text else 'nothing'}; {known}")
    try:
        understand(text, {name: np.array(pose[:2]) for name, pose in blocks.items()})
    except UnknownInstruction as error:
        raise InstructionError(f"instruction: {_one_line(str(error))}; {known}") from None
    read(rules, sorted(blocks))


def check_rules(rules: Sequence[str], *, seed: int) -> None:
    """Raises InstructionError for a standing rule that the board of this seed gives no meaning."""
    import numpy as np

    from tasks.layout import random_layout

    read(rules, sorted(random_layout(np.random.default_rng(seed))[0]))


def read(rules: Sequence[str], blocks: Sequence[str]) -> Rules:
    """Standing rules for a table with these blocks. Raises InstructionError."""
    from tasks.rules import UnknownRule, read_rules

    try:
        return read_rules(rules, blocks)
    except UnknownRule as error:
        raise InstructionError(f"rule: {_one_line(str(error))}") from None


def _known(blocks: list[str]) -> str:
    """The long tasks, a single push of each family for example, and the blocks' names."""
    from tasks.board import words_of
    from tasks.long import LONG_TASKS, MoveToArea
    from tasks.long.area import area_words

    areas = ", ".join(area_words(task.area) for task in LONG_TASKS if isinstance(task, MoveToArea))
    others = [task.instruction for task in LONG_TASKS if not isinstance(task, MoveToArea)]
    tasks = "; ".join([*others, f"move all blocks to the {{{areas}}}"])
    names = ", ".join(map(words_of, blocks))
    return f"{tasks}; or one push, such as {'; '.join(_EXAMPLES)}; blocks: {names}"


_EXAMPLES = (
    "push the red moon to the blue cube",
    "push the green star to the top left corner",
    "slide the yellow star slightly up",
    "push the blue moon to the left of the green cube",
    "point to the red pentagon",
)


def _one_line(text: str) -> str:
    """Without line breaks, and with what cannot be encoded escaped."""
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode("utf-8")
