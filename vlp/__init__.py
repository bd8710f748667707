"""Video-language planner: plans in language and imagined video, acts in PyBullet."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlp.agent.approval import Answer
    from vlp.record.plan import Approval, SavedPlan
    from vlp.sdk import Agent
    from vlp.settings import Settings

__version__ = "0.1.0"
__all__ = ["Agent", "Answer", "Approval", "SavedPlan", "Settings", "__version__"]

_LAZY = {
    "Agent": "vlp.sdk",
    "Answer": "vlp.agent.approval",
    "Approval": "vlp.record.plan",
    "SavedPlan": "vlp.record.plan",
    "Settings": "vlp.settings",
}
"""Name -> its module: the command line must not load models to print its help."""

_SIBLINGS = ("tasks", "video", "executors", "planner")


def _check_siblings() -> None:
    """The names of the sibling packages are plain words: another one of that name may come first."""
    home = Path(__file__).resolve().parent.parent
    for name in _SIBLINGS:
        spec = find_spec(name)
        if spec is None:
            raise ImportError(
                f"vlp: expected its package {name!r} in {home}, found none; "
                "install video-language-planner again"
            )
        found = (
            [Path(spec.origin).parent]
            if spec.origin
            else list(map(Path, spec.submodule_search_locations or ()))
        )
        if not found or found[0].resolve() != home / name:
            raise ImportError(
                f"vlp: expected its package {name!r} in {home}, got {spec.origin or found}, "
                "which shadows it; move that away or put it later on sys.path"
            )


_check_siblings()


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"expected one of {', '.join(__all__)} or a module of vlp, got {name!r}")
    return getattr(import_module(_LAZY[name]), name)
