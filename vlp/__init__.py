"""Video-language planner: plans in language and imagined video, acts in PyBullet."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__version__ = "0.1.0"
__all__ = ["__version__"]

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
