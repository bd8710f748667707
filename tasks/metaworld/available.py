"""Whether Meta-World can run here: its package, and an OpenGL that draws without a screen."""

from __future__ import annotations

import ctypes.util
from importlib.util import find_spec

PACKAGES = ("metaworld", "mujoco", "OpenGL")


class SawyerUnavailable(RuntimeError):
    """Meta-World can't run here; says what to install."""


def missing() -> str | None:
    """What is missing and what to do about it, or None where nothing is."""
    lacking = [name for name in PACKAGES if find_spec(name) is None]
    if lacking:
        return (
            f"expected the extra metaworld, got no package {', '.join(lacking)}; "
            'pip install "video-language-planner[metaworld]"'
        )
    if ctypes.util.find_library("OSMesa") is None:
        return "expected OpenGL without a screen (OSMesa), got none; apt-get install libosmesa6"
    return None


def check() -> None:
    """Raises SawyerUnavailable."""
    if why := missing():
        raise SawyerUnavailable(why)
