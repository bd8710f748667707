"""Writer of instructions: every wording, a sampled one, and the plain one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.language.forms import FORMS, Words
from tasks.tabletop.language.instruction import BLOCK_FIELDS, GROUP, Instruction
from tasks.tabletop.language.names import SLOT, names_of
from tasks.tabletop.world.board import words_of

_TEXTS: Final[dict[tuple[str, Words], list[str]]] = {}
for _form in FORMS:
    _TEXTS.setdefault((_form.family, _form.words), []).append(_form.text)


def _texts(instruction: Instruction) -> list[str]:
    """The forms that word this instruction, plain one first."""
    words = {name: str(value) for name, value in instruction.fields.items() if name not in BLOCK_FIELDS}
    avoid = instruction.fields.get("avoid_blocks")
    if avoid is not None:
        words["avoid_blocks"] = GROUP[0] if avoid == GROUP else str(len(avoid))
    return _TEXTS[instruction.family, tuple(sorted(words.items()))]


def _fill(text: str, names: Sequence[str]) -> str:
    """The form with its slots filled in order."""
    parts = text.split(SLOT)
    return parts[0] + "".join(name + part for name, part in zip(names, parts[1:], strict=True))


def instructions(instruction: Instruction, blocks_on_table: Sequence[str] | None) -> Iterator[str]:
    """Every wording of an instruction, in a fixed order, the plain one first.

    "the red block" and "the moon" occur when unique among `blocks_on_table` (never when None).
    """
    names = [names_of(kind, blocks_on_table) for kind in instruction.blocks()]
    if instruction.family == "block2spot":  # of which there are too many to list
        x, y = str(instruction.fields["spot"]).split(",")
        yield from (f"push the {name} to the spot x {x} y {y}" for name in names[0])
        return
    for text in _texts(instruction):
        for chosen in product(*names):
            yield _fill(text, chosen)


def phrase(instruction: Instruction, blocks_on_table: Sequence[str] | None, rng: np.random.Generator) -> str:
    """One wording, drawn uniformly from `instructions`."""
    texts = _texts(instruction)
    text = texts[int(rng.integers(len(texts)))]
    names = [names_of(kind, blocks_on_table) for kind in instruction.blocks()]
    return _fill(text, [options[int(rng.integers(len(options)))] for options in names])


def canonical(instruction: Instruction) -> str:
    """The plain wording with full block names, used for subgoals.

    It parses back to the instruction on any table with its blocks, except that block1_to_corner
    shares its words with block2absolutelocation: there `parse_all` holds both readings.
    """
    return next(instructions(instruction, None))


def spot_words(name: str, xy: Sequence[float] | NDArray[np.float64]) -> str:
    """The push of a block to a place [2] metres."""
    return f"push the {words_of(name)} to the spot x {100 * xy[0]:.1f} y {100 * xy[1]:.1f}"
