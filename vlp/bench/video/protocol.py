"""What a bench of video models asks for: a model, and a judge of what its clips show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from planner import ActionModel, Frames, VideoModel


@dataclass(frozen=True)
class ClipVerdict:
    """What a judge sees in one clip."""

    moves: bool
    """The thing that the words name is the one that moves most."""
    reached: bool
    """What the words ask for holds in the last frame."""


class ClipJudge(Protocol):
    """Sees in pictures of its world what words ask for; its weights are nobody else's."""

    def other_words(self, first: Frames, words: str, seed: int) -> str | None:
        """The same asked of another thing that is seen in `first` uint8 [H, W, 3]; None where there is none,
        or the words mean nothing here."""
        ...

    def verdict(self, first: Frames, last: Frames, words: str) -> ClipVerdict | None:
        """Of a clip's first and last frame uint8 [H, W, 3]; None for words that mean nothing here."""
        ...


@dataclass(frozen=True, eq=False)
class MeasuredModel:
    """A video model under a name, with what is said of it in the summary."""

    name: str
    model: VideoModel
    about: dict[str, Any] = field(default_factory=dict)
    inverse: ActionModel | None = None
    """Where it can explain clips too."""
    frames: int | None = None
    """T of its clips, where it is fixed; stride: control steps between two of them."""
    stride: int | None = None
