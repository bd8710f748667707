"""Instructions in any words on the tabletop: a VLM writes a goal program, which is checked as strictly as
what a stranger wrote."""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np
from pydantic import ValidationError

from tasks.domain import Frame, Scene, Sight, UnknownInstruction
from tasks.tabletop.goals.goal import BoardGoal
from tasks.tabletop.language.read import MAX_CHARACTERS, shown
from tasks.tabletop.world.board import words_of
from tasks.tabletop.written import Written, goal_of
from vlp.agent.any_words import Program
from vlp.domains.tabletop.sight import BoardSight
from vlp.vlm.hosted.completion import first_fault
from vlp.vlm.writer import Unfit, Writer

TRIES: Final = 2
"""Times that it is asked, the later ones with what was wrong before."""

ASKED: Final = """\
An operator says: {words}
Write what is to be true of the table for that to be done, as a program of relations between blocks; a \
figure or a drawing as a place for each of its blocks. The relations of one step hold together; several \
steps are done one after the other, only where the operator says an order in time.
On the table, in centimetres (x down from 12 to 58, y from -30 at the left to 30 at the right): {table}.
Relations:
{relations}
A set of blocks is {{"of": [...], "but": [...], "count": N}}: `of` and `but` list colours, shapes, blocks \
such as "red_moon", or "all"; `but` and `count` are left out where nothing is excepted, and where all are \
meant.
Leave out nothing that is asked, and do the opposite of nothing. Where these relations can't say it, or a \
block that is named is not there, say so instead of something else: {{"steps": [], "cannot": "why"}}.
Answer as JSON, for example {{"steps": [[{{"relation": "in_area", "blocks": {{"of": ["red"]}}, "area": \
"left"}}, {{"relation": "at_place", "block": "blue_moon", "x": 35, "y": 10}}]]}}"""
AGAIN: Final = """
Your last answer can't be used: {why}. Write one that can, or say why there is none."""


class BoardWords:
    """The tabletop's `vlp.agent.any_words.AnyWords`.

    Args:
        writer: the VLM that is asked.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def write(self, words: str, scene: Scene, frame: Frame, sight: Sight) -> Program:
        """See AnyWords; asks twice at most."""
        if not words.strip() or len(words) > MAX_CHARACTERS:
            raise UnknownInstruction(
                f"expected an instruction of 1 to {MAX_CHARACTERS} characters, got {shown(words)}"
            )
        asked, why = question(words, scene), ""
        for turn in range(TRIES):
            again = AGAIN.format(why=why) if why else ""
            try:
                written = self._writer.write(frame, asked + again, Written, turn=turn)
            except Unfit as error:
                why = _line(str(error))
                continue
            if written.cannot:
                why = f"{self._writer} says: {_line(written.cannot)}"
                break
            program = {"by": str(self._writer), "said": words, **written.model_dump(mode="json")}
            try:
                self.goal(program, scene, sight)
            except ValueError as error:
                why = _line(str(error))
            else:
                return program
        raise ValueError(f"expected words for a goal that can be had here, got {shown(words)}: {why}; reword")

    def goal(self, program: Program, scene: Scene, sight: Sight) -> BoardGoal:
        """See AnyWords."""
        try:
            said = {name: program.get(name) for name in Written.model_fields}
            written = Written.model_validate(said)
        except ValidationError as error:
            raise ValueError(first_fault(error)) from error
        places = {name: np.array(xy, float) for name, xy in scene.items()}
        heard = f"as {_line(str(program.get('by', '')))} reads it"
        goal = goal_of(written, places, heard=heard, said=str(program.get("said", "")))
        cast(BoardSight, sight).admit(goal, places)
        return goal


def question(words: str, scene: Scene) -> str:
    """What a VLM is asked about an instruction."""
    table = ", ".join(
        f"the {words_of(name)} at x {100 * xy[0]:.0f} y {100 * xy[1]:.0f}"
        for name, xy in sorted(scene.items())
    )
    relations = "\n".join(_form(definition) for definition in _relations())
    said = " ".join(words.split())
    return ASKED.format(words=f'"{said}"', table=table or "nothing", relations=relations)


def _relations() -> list[dict[str, Any]]:
    """The schemas of the relations."""
    found = Written.model_json_schema()["$defs"].values()
    return [schema for schema in found if "relation" in schema["properties"]]


def _form(schema: dict[str, Any]) -> str:
    """One relation in a line: its fields and what it means."""
    fields = [
        f"{name} ({', '.join(rule['enum'])})" if "enum" in rule and name not in _NAMES else name
        for name, rule in schema["properties"].items()
        if name != "relation"
    ]
    name = schema["properties"]["relation"]["const"]
    return f"- {name}: {', '.join(fields)}. {' '.join(schema['description'].split())}"


_NAMES: Final = ("block", "around")


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
