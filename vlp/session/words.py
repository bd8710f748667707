"""Words of a request, before anything heavy is loaded: whether the world's own grammar must know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlp.domains.base import domain
from vlp.errors import InstructionError, UnknownWordsError

if TYPE_CHECKING:
    from vlp.session.request import Request


def check(request: Request) -> None:
    """Raises InstructionError for words, or a standing rule, to which the scene gives no meaning; words that
    only the grammar does not know are left to the VLM that is asked for, if one is."""
    world, seed = domain(request.world), request.settings().seed
    try:
        world.check(request.instruction, seed=seed, rules=request.rule)
    except UnknownWordsError:
        if request.models().vlm is None:
            raise
        world.check_rules(request.rule, seed=seed)


def scored(request: Request) -> str | None:
    """What a simulator is to keep score of: nothing where only a VLM knows the words."""
    if request.models().vlm is None:
        return request.instruction
    try:
        domain(request.world).check(request.instruction, seed=request.settings().seed, rules=())
    except InstructionError:
        return None
    return request.instruction
