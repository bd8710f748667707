"""Prompts of VLMs that were not trained here: the table, the pushes that are understood, the question."""

from __future__ import annotations

from collections.abc import Sequence

from vlp.vlm.digits import UNIT

SYSTEM = """\
You guide a robot that pushes wooden blocks over a table with one round point. You see the table from above: \
the top of a picture is the far side, its left is left. The point itself is the dark disc. The robot does \
one push of one block at a time, in 3 to 6 seconds; it can't lift, and a block at the very edge can't be \
brought back. A control step takes 0.1 seconds."""

FORMS = """\
- push the red star next to the blue cube
- push the red star to the left of the blue cube (also: right, top, bottom, top left side, ...)
- push the red star to the top left corner (also: top side, center, bottom right corner, ...)
- slightly push the red star up (also: down, left, right, diagonally up and left, ...), or without "slightly"
- move the red star away from the blue cube and red moon
- push the red star into the top half (also: the bottom left area, ...)
- push the red star onto the vertical middle line (also: horizontal)
- push the red star out of the center"""


def propose(goal: str, kinds: Sequence[str], done: Sequence[str], count: int, had: Sequence[str]) -> str:
    """Asks for pushes to do next; `done` has been done to get here, `had` is known already."""
    lines = [
        f"The whole task: {goal}.",
        f"On the table: {_names(kinds)}.",
        f"The robot understands pushes of these forms, with any of these blocks:\n{FORMS}",
    ]
    if done:
        lines.append(f"Already done to get to this picture: {'; '.join(done)}.")
    if had:
        lines.append(f"Already suggested; say others: {'; '.join(had)}.")
    lines.append(
        f"Suggest {count} different single pushes, any of which would be a good next one, the best first. "
        'Answer as JSON: {"subgoals": ["...", ...]}'
    )
    return "\n".join(lines)


def mend(goal: str, kinds: Sequence[str], faults: Sequence[tuple[str, str]]) -> str:
    """Asks for suggestions that can't be carried out to be said otherwise; (suggestion, why not)."""
    wrong = "\n".join(f'- "{text[:120]}": {reason}' for text, reason in faults)
    return (
        f"The whole task: {goal}.\nOn the table: {_names(kinds)}.\n"
        f"The robot understands pushes of these forms, with any of these blocks:\n{FORMS}\n"
        f"These suggestions can't be carried out:\n{wrong}\n"
        'Say each so that it can be, in the same order. Answer as JSON: {"subgoals": ["...", ...]}'
    )


def steps(goal: str, count: int) -> str:
    """Asks how many control steps are left from each picture."""
    return (
        f"The whole task: {goal}.\nHow many control steps are left until it is done, from each of these "
        f"{count} pictures? A push takes about 45, a board where it is done 0. Answer with one number a "
        'picture, in their order, as JSON: {"steps_to_go": [...]}'
    )


def digits(goal: str, count: int) -> str:
    """Asks the same in digits, so that each picture's answer is one token."""
    return (
        f"The whole task: {goal}.\nHow far is it from done in each of these {count} pictures? Answer with "
        "one digit a picture, in their order, with a space between, and nothing else: 0 where it is done, "
        f"and 1 more for each {UNIT:.0f} control steps that are left, a push taking about 45; 9 for more."
    )


def success(goal: str) -> str:
    """Asks whether the goal is reached."""
    return (
        f"The whole task: {goal}.\nIs it done in this picture? Answer as JSON: "
        '{"reached": true or false, "why": "in a few words"}'
    )


def propose_one(goal: str, kinds: Sequence[str], done: Sequence[str]) -> str:
    """Asks a model that can say nothing but a subgoal for the next one."""
    history = f"\nAlready done to get to this picture: {'; '.join(done)}." if done else ""
    return (
        f"The whole task: {goal}.\nOn the table: {_names(kinds)}.{history}\n"
        "Which single push would be a good next one? Answer with it alone."
    )


def success_word(goal: str) -> str:
    """Asks whether the goal is reached, for yes or no."""
    return f"The whole task: {goal}.\nIs it done in this picture? Answer with yes or no."


def _names(kinds: Sequence[str]) -> str:
    return ", ".join(kind.replace("_", " ") for kind in kinds) or "nothing"
