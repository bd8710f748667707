"""The judge of imagined plans on real pushes and plans, some of them stopped early, and on clips spoilt on
purpose: how often it agrees with what truly happened, and how often it falls for the spoilt ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.demonstrator import MAX_PUSH_STEPS, Push, centers, run_long, run_push
from tasks.tabletop.demos.rollouts import HOLD
from tasks.tabletop.goals import LONG_TASKS, LongTask, families
from tasks.tabletop.goals.goal import BoardGoal, LongGoal, understand
from tasks.tabletop.language import canonical
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from video.tabletop.clips import STRIDE
from vlp.bench.stats import share
from vlp.bench.tabletop.judge import JUMP, Judge, Step, Verdict
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.asked import AskedMeasurement, ask
from vlp.evaluate.tabletop.guards import SPOILT, State, draw
from vlp.models.weights import BUNDLED, verify

BAR = 0.97
EARLY = 0.5
"""Share of pushes and plans that are stopped before their end."""
Frames = NDArray[np.uint8]
Spoil = Callable[[list[State], AskedMeasurement], list[State] | None]


@dataclass(frozen=True)
class JudgeOptions:
    """Options of the measurement."""

    pushes: int = 200
    plans: int = 60
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED


@dataclass(frozen=True)
class Seen:
    """A real push or plan."""

    goal: BoardGoal
    """As the judge understands it."""
    start: Frames
    steps: list[Step]
    truth: bool
    """Whether the goal is truly reached at the end."""


def state(world: World) -> State:
    """Blocks and pusher, metres and radians."""
    x, y = world.effector()
    return world.poses(), (float(x), float(y))


def watch(world: World, push: Push, rng: np.random.Generator, most: int) -> Iterator[int]:
    """Carry out at most `most` control steps of a push; a number every STRIDE of them, and at the end, when
    the pusher has come to rest at its set point."""
    for step, _ in enumerate(run_push(world, push, rng, max_steps=most)):
        if step and step % STRIDE == 0:
            yield step
    for _ in range(HOLD):
        world.step(world.target)
    yield most


def see_push(
    judge: Judge, world: World, asked: AskedMeasurement, seed: int, most: int
) -> tuple[Seen, list[State]]:
    """A push that is asked of the world as it stands, stopped after `most` control steps, and its states."""
    text = canonical(asked.push.instruction)
    frames, states = [world.render()], [state(world)]
    true_goal = understand(text, centers(world))
    for _ in watch(world, asked.push, np.random.default_rng(seed), most):
        frames.append(world.render())
        states.append(state(world))
    truth = true_goal.reward(centers(world), world.target) >= 1.0
    steps = [(text, np.stack(frames[1:]))]
    return Seen(judge.goal(text, frames[0]), frames[0], steps, truth), states


def see_plan(world: World, task: LongTask, seed: int, most: int) -> Seen:
    """A demonstration of a long task from the seed's board, stopped after `most` pushes."""
    rng = np.random.default_rng(seed)
    world.clear()
    world.place(*random_layout(rng))
    world.step(world.target)
    start, steps, goal = world.render(), [], LongGoal(task, world.names)
    for _, push in zip(range(most), run_long(world, task, rng), strict=False):
        clip = np.stack([world.render() for _ in watch(world, push, rng, MAX_PUSH_STEPS)])
        steps.append((canonical(push.instruction), clip))
    return Seen(goal, start, steps, goal.reward(centers(world), world.target) >= 1.0)


def farthest(shown: list[State]) -> float:
    """How far a block is at the end from where it was, metres, at most."""
    first, last = shown[0][0], shown[-1][0]
    return max(float(np.hypot(*np.subtract(last[name][:2], first[name][:2]))) for name in first)


def moved_alone(shown: list[State], asked: AskedMeasurement) -> list[State] | None:
    """The blocks go as they went, the pusher stays where it was; None where hardly anything went."""
    return [(blocks, shown[0][1]) for blocks, _ in shown] if farthest(shown) > 0.06 else None


def jumped(shown: list[State], asked: AskedMeasurement) -> list[State] | None:
    """All blocks stay where they were until the middle, and then are where they end; None where that is
    no further than a push may go between two frames."""
    half = len(shown) // 2
    after = [(shown[0 if t < half else -1][0], pusher) for t, (_, pusher) in enumerate(shown)]
    return after if farthest(shown) > JUMP else None


STATES_SPOILT: Mapping[str, Spoil] = {**SPOILT, "moved_alone": moved_alone, "jumped": jumped}


def doubled(world: World, shown: list[State]) -> Frames | None:
    """Pictures uint8 [T + 1, H, W, 3] in which a block is there a second time from the middle on; None where
    there is no room for it."""
    name = next(iter(shown[-1][0]))
    others = np.array([pose[:2] for blocks, _ in shown for pose in blocks.values()])
    spots = np.array([(x, y) for x in np.arange(0.2, 0.53, 0.04) for y in np.arange(-0.24, 0.25, 0.04)])
    free = spots[np.linalg.norm(spots[:, None] - others, axis=-1).min(1) > 0.1]
    if not len(free):
        return None
    elsewhere: list[State] = [({name: (*free[0], 0.0)}, pusher) for _, pusher in shown]
    bare: list[State] = [({}, pusher) for _, pusher in shown]
    once, second, without = draw(world, shown), draw(world, elsewhere), draw(world, bare)
    pasted = np.where((second != without).any(-1, keepdims=True), second, once)
    return np.concatenate([once[: len(shown) // 2], pasted[len(shown) // 2 :]])


def spoilt(world: World, states: list[State], asked: AskedMeasurement) -> Iterator[tuple[str, Frames]]:
    """Name and pictures of each way to spoil a push."""
    for name, spoil in STATES_SPOILT.items():
        changed = spoil(states, asked)
        if changed is not None:
            yield name, draw(world, changed)
    twice = doubled(world, states)
    if twice is not None:
        yield "doubled", twice


def main(options: JudgeOptions) -> None:
    """Judge real pushes and plans, and spoilt versions of the pushes that succeeded."""
    verify(options.weights)
    judge, world, rng = Judge.load(options.weights), World(), np.random.default_rng(options.first_seed)
    found: list[tuple[bool, Verdict]] = []
    fooled: dict[str, list[bool]] = {}
    for i in range(options.pushes):
        asked = ask(world, families.FAMILIES[i % len(families.FAMILIES)], options.first_seed + i)
        most = int(rng.integers(4, 40)) if rng.random() < EARLY else MAX_PUSH_STEPS
        seen, states = see_push(judge, world, asked, options.first_seed + i, most)
        found.append((seen.truth, judge.verdict(seen.goal, seen.start, seen.steps)))
        for name, frames in spoilt(world, states, asked) if found[-1][1].accepted and seen.truth else ():
            verdict = judge.verdict(seen.goal, frames[0], [(seen.steps[0][0], frames[1:])])
            fooled.setdefault(name, []).append(verdict.accepted)
    for i in range(options.plans):
        most = int(rng.integers(1, 7)) if rng.random() < EARLY else 1000
        plan = see_plan(world, LONG_TASKS[i % len(LONG_TASKS)], options.first_seed + i, most)
        found.append((plan.truth, judge.verdict(plan.goal, plan.start, plan.steps)))
    write("judge", {"first_seed": options.first_seed} | result(found, options.pushes, fooled))


def result(
    found: list[tuple[bool, Verdict]], pushes: int, fooled: Mapping[str, list[bool]]
) -> dict[str, object]:
    """What stands in results/judge.json: of `found`, truth and verdict, the first `pushes` are pushes."""
    agree = [truth == verdict.accepted for truth, verdict in found]
    cheats = [verdict.cheat for _, verdict in found if verdict.cheat]
    return {
        "bar": BAR,
        "agreement": share(agree),
        "agreement_pushes": share(agree[:pushes]),
        "agreement_plans": share(agree[pushes:]),
        "truly_reached": share([truth for truth, _ in found]),
        "false_rejects": share([not verdict.accepted for truth, verdict in found if truth]),
        "false_accepts": share([verdict.accepted for truth, verdict in found if not truth]),
        "called_impossible_though_real": dict(Counter(kind(cheat) for cheat in cheats)),
        "spoilt_accepted": {name: share(flags) for name, flags in fooled.items()},
    }


def kind(reason: str) -> str:
    """A reason without the blocks' names and numbers."""
    return " ".join(w for w in reason.split() if "_" not in w and not any(c.isdigit() for c in w))


if __name__ == "__main__":
    run_main(main, JudgeOptions)
