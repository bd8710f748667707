"""Prompts of VLMs that were not trained here: the scene, the subgoals that are understood, the question."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.domain import Language
from vlp.vlm.digits import UNIT


def propose(
    words: Language, goal: str, kinds: Sequence[str], done: Sequence[str], count: int, had: Sequence[str]
) -> str:
    """Asks for subgoals to do next; `done` has been done to get here, `had` is known already."""
    lines = [
        f"The whole task: {goal}.",
        f"On the {words.scene}: {_names(kinds)}.",
        _forms(words),
    ]
    if done:
        lines.append(f"Already done to get to this picture: {'; '.join(done)}.")
    if had:
        lines.append(f"Already suggested; say others: {'; '.join(had)}.")
    lines.append(
        f"Suggest {count} different single {words.acts}, any of which would be a good next one, the best "
        'first. Answer as JSON: {"subgoals": ["...", ...]}'
    )
    return "\n".join(lines)


def mend(words: Language, goal: str, kinds: Sequence[str], faults: Sequence[tuple[str, str]]) -> str:
    """Asks for suggestions that can't be carried out to be said otherwise; (suggestion, why not)."""
    wrong = "\n".join(f'- "{text[:120]}": {reason}' for text, reason in faults)
    return (
        f"The whole task: {goal}.\nOn the {words.scene}: {_names(kinds)}.\n"
        f"{_forms(words)}\n"
        f"These suggestions can't be carried out:\n{wrong}\n"
        'Say each so that it can be, in the same order. Answer as JSON: {"subgoals": ["...", ...]}'
    )


def steps(words: Language, goal: str, count: int) -> str:
    """Asks how many control steps are left from each picture."""
    return (
        f"The whole task: {goal}.\nHow many control steps are left until it is done, from each of these "
        f"{count} pictures? A {words.act} takes about {words.steps}, {words.state} where it is done 0. "
        'Answer with one number a picture, in their order, as JSON: {"steps_to_go": [...]}'
    )


def digits(words: Language, goal: str, count: int) -> str:
    """Asks the same in digits, so that each picture's answer is one token."""
    return (
        f"The whole task: {goal}.\nHow far is it from done in each of these {count} pictures? Answer with "
        "one digit a picture, in their order, with a space between, and nothing else: 0 where it is done, "
        f"and 1 more for each {UNIT:.0f} control steps that are left, a {words.act} taking about "
        f"{words.steps}; 9 for more."
    )


def success(goal: str) -> str:
    """Asks whether the goal is reached."""
    return (
        f"The whole task: {goal}.\nIs it done in this picture? Answer as JSON: "
        '{"reached": true or false, "why": "in a few words"}'
    )


def propose_one(words: Language, goal: str, kinds: Sequence[str], done: Sequence[str]) -> str:
    """Asks a model that can say nothing but a subgoal for the next one."""
    history = f"\nAlready done to get to this picture: {'; '.join(done)}." if done else ""
    return (
        f"The whole task: {goal}.\nOn the {words.scene}: {_names(kinds)}.{history}\n"
        f"Which single {words.act} would be a good next one? Answer with it alone."
    )


def success_word(goal: str) -> str:
    """Asks whether the goal is reached, for yes or no."""
    return f"The whole task: {goal}.\nIs it done in this picture? Answer with yes or no."


def _forms(words: Language) -> str:
    return (
        f"The robot understands {words.acts} of these forms, with any of these {words.things}:\n{words.forms}"
    )


def _names(kinds: Sequence[str]) -> str:
    return ", ".join(kind.replace("_", " ") for kind in kinds) or "nothing"
