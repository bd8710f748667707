"""The guards on real clips, which they should let pass, and on clips spoilt on purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner import Guard
from tasks.tabletop.demos.demonstrator import run_push
from tasks.tabletop.goals import families
from tasks.tabletop.language import canonical
from tasks.tabletop.world.world import World
from video.tabletop.clips import FRAMES, STRIDE
from vlp.bench.stats import share
from vlp.domains.tabletop.build import build
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.asked import AskedMeasurement, ask
from vlp.models.weights import BUNDLED

State = tuple[dict[str, tuple[float, float, float]], tuple[float, float]]
"""Blocks at (x, y, yaw), the pusher at (x, y): metres, radians."""
Spoil = Callable[[list[State], AskedMeasurement], list[State] | None]


@dataclass(frozen=True)
class GuardsOptions:
    """Options of the measurement."""

    clips: int = 200
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED


def states(world: World, asked: AskedMeasurement, seed: int) -> list[State]:
    """The board at the start of an oracle's push and at each frame of its clip."""
    seen = [_state(world)]
    seen += [_state(world) for _ in run_push(world, asked.push, np.random.default_rng(seed))]
    seen.append(_state(world))
    return [seen[min(k * STRIDE, len(seen) - 1)] for k in range(FRAMES + 1)]


def _state(world: World) -> State:
    x, y = world.effector()
    return world.poses(), (float(x), float(y))


def draw(world: World, shown: list[State]) -> NDArray[np.uint8]:
    """Pictures uint8 [T + 1, H, W, 3] of some states."""
    frames = []
    for blocks, pusher in shown:
        world.place(blocks, pusher)
        frames.append(world.render())
    return np.stack(frames)


def _bystander(asked: AskedMeasurement, state: State) -> str:
    """A block that the push does not name."""
    return next(name for name in state[0] if name not in asked.push.instruction.blocks())


def _changed(shown: list[State], name: str, where: tuple[float, float]) -> list[State]:
    """The same states with a block elsewhere in the second half."""
    half = len(shown) // 2
    moved = [({**blocks, name: (*where, blocks[name][2])}, pusher) for blocks, pusher in shown[half:]]
    return shown[:half] + moved


def vanished(shown: list[State], asked: AskedMeasurement) -> list[State]:
    """A block that is not named is gone from the middle on."""
    name = _bystander(asked, shown[0])
    half = len(shown) // 2
    return shown[:half] + [({k: v for k, v in b.items() if k != name}, p) for b, p in shown[half:]]


def moved_unasked(shown: list[State], asked: AskedMeasurement) -> list[State] | None:
    """A block that is not named stands 12 cm further where there is room."""
    name = _bystander(asked, shown[0])
    x, y, _ = shown[0][0][name]
    others = np.array([b[k][:2] for b, _ in shown for k in b if k != name])
    for turn in np.linspace(0, 2 * np.pi, 16, endpoint=False):
        spot = (x + 0.12 * float(np.cos(turn)), y + 0.12 * float(np.sin(turn)))
        inside = 0.17 < spot[0] < 0.55 and abs(spot[1]) < 0.27
        if inside and np.linalg.norm(others - spot, axis=1).min() > 0.05:
            return _changed(shown, name, spot)
    return None


def overlapping(shown: list[State], asked: AskedMeasurement) -> list[State]:
    """A block that is not named stands in another."""
    name = _bystander(asked, shown[0])
    other = next(k for k in shown[-1][0] if k != name)
    x, y, _ = shown[-1][0][other]
    return _changed(shown, name, (x + 0.006, y))


def frozen(shown: list[State], asked: AskedMeasurement) -> list[State]:
    """Nothing moves."""
    return [shown[0]] * len(shown)


SPOILT: Mapping[str, Spoil] = {f.__name__: f for f in (vanished, moved_unasked, overlapping, frozen)}


def verdict(guards: tuple[Guard, ...], frames: NDArray[np.uint8], text: str) -> str | None:
    """The first reason to drop a clip, frames uint8 [T + 1, H, W, 3], or None."""
    found = (guard.check(frames[:1], frames[None, 1:], [text])[0] for guard in guards)
    return next((reason for reason in found if reason), None)


def main(options: GuardsOptions) -> None:
    """Judge real clips and spoilt ones."""
    parts, world = build(weights=options.weights, device="cpu"), World()
    guards = (*parts.guards, *parts.close_guards)
    names = families.FAMILIES
    real: list[str | None] = []
    caught: dict[str, list[bool]] = {name: [] for name in SPOILT}
    for i in range(options.clips):
        asked = ask(world, names[i % len(names)], options.first_seed + i)
        shown = states(world, asked, options.first_seed + i)
        text = canonical(asked.push.instruction)
        real.append(verdict(guards, draw(world, shown), text))
        for name, spoil in SPOILT.items():
            spoilt = spoil(shown, asked)
            if spoilt is not None:
                caught[name].append(verdict(guards, draw(world, spoilt), text) is not None)
    result: dict[str, Any] = {
        "first_seed": options.first_seed,
        "false_positives": share([reason is not None for reason in real]),
        "reasons": dict(Counter(_kind(reason) for reason in real if reason)),
        "caught": {name: share(flags) for name, flags in caught.items()},
    }
    write("guards", result)


def _kind(reason: str) -> str:
    """A reason without the blocks' names and numbers."""
    return " ".join(w for w in reason.split() if "_" not in w and not any(c.isdigit() for c in w))


if __name__ == "__main__":
    run_main(main, GuardsOptions)
