"""Chosen models in the place of bundled ones; checked before anything is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from vlp.errors import UsageError
from vlp.vlm.hosted.budget import CallLimits
from vlp.vlm.hosted.endpoint_config import EndpointConfig

Role = Literal["proposer", "value", "success"]
ROLES: Final[tuple[Role, ...]] = ("proposer", "value", "success")
Offload = Literal["none", "model", "sequential"]
BUNDLED: Final = "bundled"


@dataclass(frozen=True, kw_only=True)
class Hosted:
    """A VLM behind an OpenAI-compatible server."""

    endpoint: EndpointConfig
    limits: CallLimits = field(default_factory=CallLimits)


@dataclass(frozen=True, kw_only=True)
class Local:
    """A VLM's folder or repository, for transformers."""

    source: str


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """An image-to-video pipeline's folder or repository, for diffusers. None is the pipeline's own."""

    source: str
    steps: int | None = None
    guidance: float | None = None
    size: tuple[int, int] | None = None
    """Height and width in pixels at which it imagines."""
    frames: int | None = None
    """That it imagines, the first included."""
    offload: Offload = "none"

    def __post_init__(self) -> None:
        for name, number, least in (("steps", self.steps, 1), ("frames", self.frames, 2)):
            if number is not None and number < least:
                raise UsageError(
                    f"video-{name}: expected {least} or more, got {number}; choose such a number"
                )
        if self.guidance is not None and not 0 <= self.guidance <= 100:
            raise UsageError(
                f"video-guidance: expected 0 to 100, got {self.guidance:g}; choose such a number"
            )
        if self.size is not None and not all(16 <= side <= 4096 for side in self.size):
            raise UsageError(f"video-size: expected 16 to 4096 pixels, got {self.size}; choose such a size")


@dataclass(frozen=True, kw_only=True)
class Models:
    """None stands for the bundled one."""

    vlm: Hosted | Local | None = None
    roles: tuple[Role, ...] = ROLES
    """What the VLM is asked for; the rest is the bundled one's."""
    fallback: bool = False
    """Whether the bundled VLM takes over where this one fails."""
    video: Pretrained | None = None

    def __post_init__(self) -> None:
        if not self.roles or not set(self.roles) <= set(ROLES):
            raise UsageError(f"vlm-for: expected some of {', '.join(ROLES)}, got {self.roles}; choose some")


def split(option: str, given: str, backends: tuple[str, ...]) -> tuple[str, str]:
    """ "openai:gpt-x" to backend and model. Raises UsageError for a backend that is not among `backends`."""
    backend, _, model = given.partition(":")
    if backend not in backends or not model.strip():
        forms = ", ".join([BUNDLED, *(f"{name}:{_kind(name)}" for name in backends)])
        raise UsageError(f"{option}: expected one of {forms}, got {given!r:.60}; choose one of these")
    return backend, model


def check_source(option: str, source: str) -> str:
    """A folder that is there, or a repository's name; raises UsageError for a path to nothing."""
    path = Path(source).expanduser()
    looks_like_path = source.startswith((".", "/", "~")) or source.count("/") != 1
    if path.is_dir():
        return str(path.resolve())  # it is written down, and read again from elsewhere
    if path.exists() or looks_like_path:
        raise UsageError(
            f"{option}: expected a folder of weights, or OWNER/NAME of a repository, got {source!r:.80}; "
            "check the path"
        )
    return source


def parse_size(option: str, text: str) -> tuple[int, int]:
    """ "480x832" to height and width. Raises UsageError."""
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if found is None:
        raise UsageError(f"{option}: expected HEIGHTxWIDTH such as 480x832, got {text!r:.40}; say it so")
    return int(found[1]), int(found[2])


def _kind(backend: str) -> str:
    return "MODEL" if backend == "openai" else "PATH"
