"""Errors in words that a person can act on.

VlpError                exit code 1
|-- UsageError          2   an option, or a value of one, that makes no sense
|   `-- InstructionError    an instruction that is not understood
|       `-- UnknownWordsError   one to which a world's own grammar gives no meaning: a VLM may
|-- WeightsError        3   missing, changed or unsafe weights
|-- NoPlanError         4   every branch was rejected; nothing was done
|-- FolderError         5   a folder that is in use or cannot be written
|-- ModelError          6   a model that does not answer, or not in the way asked for
|   `-- ModelSwitched       another one has taken its place: the question is to be asked again
|-- StateError          7   a run's kept state that is damaged, changed, or can't be written
`-- HeldError           8   nothing more is sent until an operator has done something; the run can be resumed

Every message is one line and says what was expected, what was got and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from vlp.plain import one_line


class VlpError(Exception):
    """Base of all errors that the command line shows as one line."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """The message, without what could steer a terminal: a server or an instruction may have said it."""
        return one_line(super().__str__())


class UsageError(VlpError, ValueError):
    """An option, or a value of one, that makes no sense."""

    exit_code = 2


class InstructionError(UsageError):
    """An instruction that is not understood, or can't come true."""

    def __init__(self, message: str, readings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.readings = tuple(readings)
        """Where it has several meanings, each in words that have this one alone."""

    def __reduce__(self) -> tuple[type[InstructionError], tuple[str, tuple[str, ...]]]:
        return type(self), (str(self), self.readings)


class UnknownWordsError(InstructionError):
    """An instruction to which a world's own grammar gives no meaning: a VLM may."""


class WeightsError(VlpError):
    """Weights that are missing, changed or unsafe to load."""

    exit_code = 3


class NoPlanError(VlpError):
    """Every branch was rejected; nothing was done."""

    exit_code = 4


class FolderError(VlpError):
    """A folder that is in use or cannot be written."""

    exit_code = 5


class ModelError(VlpError):
    """A model, hosted or local, that does not answer, or not in the way asked for."""

    exit_code = 6


class ModelSwitched(ModelError):
    """Another model has taken the place of one that failed: what was half asked is to be asked again."""


class StateError(VlpError):
    """A run's kept state that is damaged, does not fit what it is resumed with, or can't be written."""

    exit_code = 7


class HeldError(VlpError):
    """Nothing more is sent until an operator has done something; the run can be resumed."""

    exit_code = 8
