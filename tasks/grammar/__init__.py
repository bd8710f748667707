"""The grammar of instructions for one push: generate every wording, and read it back."""

from tasks.grammar.read import UnknownInstruction, parse, parse_all
from tasks.grammar.words import WORDS, tokenize
from tasks.grammar.write import canonical, instructions, phrase

__all__ = [
    "WORDS",
    "UnknownInstruction",
    "canonical",
    "instructions",
    "parse",
    "parse_all",
    "phrase",
    "tokenize",
]
