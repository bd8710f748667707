"""The grammar of instructions for one push: generate every wording, and read it back."""

from tasks.domain import UnknownInstruction
from tasks.tabletop.language.read import is_worded, parse, parse_all
from tasks.tabletop.language.words import WORDS, tokenize
from tasks.tabletop.language.write import canonical, instructions, phrase, spot_words

__all__ = [
    "WORDS",
    "UnknownInstruction",
    "canonical",
    "instructions",
    "is_worded",
    "parse",
    "parse_all",
    "phrase",
    "spot_words",
    "tokenize",
]
