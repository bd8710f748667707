"""Films of runs that are small, in this process and in those that are split off from the fork server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vlp.record import film

LARGE: Final = {"HEIGHT": film.HEIGHT, "WIDTH": film.WIDTH}
SMALL: Final = {"HEIGHT": 96, "WIDTH": 128}
"""As large as what the camera sees: where the simulator acts, a third of the time would go into the pictures
of larger ones."""


def set_size(size: Mapping[str, int]) -> None:
    """Of all films from here on."""
    for name, value in size.items():
        setattr(film, name, value)
