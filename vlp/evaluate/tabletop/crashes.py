"""`python -m vlp.evaluate.tabletop.crashes`: a run is killed (SIGKILL) at every write of its state, and again
while it recovers; what it then does is compared with a run that was left alone. Writes results/crashes.json.

Each run is a process of its own. A ledger beside it, written by the robot itself and by the video model, says
what was really sent and imagined.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames, VideoModel
from vlp.agent.agent import AgentLoop
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.durable.keeping import Keeping
from vlp.durable.names import FILE
from vlp.durable.recall import Recall
from vlp.durable.store import Store
from vlp.durable.verifying import check_kept
from vlp.evaluate.common import write
from vlp.events.types import Events
from vlp.record.folder import RunFolder
from vlp.settings import Settings

GOAL: Final = "group the blocks by color"
SMALL: Final = Settings(
    seed=1_000_002,
    beams=1,
    language_branches=2,
    video_branches=2,
    horizon=2,
    max_control_steps=50,
    device="cpu",
)
LEDGER: Final = "ledger.txt"


@dataclass(frozen=True)
class Kill:
    """When a process is killed: just before or after its `count`-th write (from 1)."""

    count: int
    before: bool


class Ledger:
    """Lines that outlive whoever writes them."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def add(self, line: str) -> None:
        """One line, there at once."""
        os.write(self._file, (line + "\n").encode())


class DyingStore(Store):
    """A store whose process is killed at one of its writes."""

    def __init__(self, path: Path, *, fresh: bool, kill: Kill | None) -> None:
        self._kill, self._count = kill, 0
        super().__init__(path, fresh=fresh)

    def put(self, rows: Any) -> None:
        """Write, and die where that was asked for."""
        self._count += 1
        due = self._kill is not None and self._kill.count == self._count
        if due and self._kill is not None and self._kill.before:
            os.kill(os.getpid(), signal.SIGKILL)
        super().put(rows)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)


class LedgerRobot(SimulatedRobot):
    """A simulated robot that writes down every step it is sent, by its number."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        super().__init__(GOAL, seed=settings.seed, max_steps=settings.max_control_steps)
        self._ledger, self._count, self._restoring = ledger, 0, False

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Write it down and do it; what is restored was written down before."""
        self._count += 1
        if not self._restoring:
            self._ledger.add(f"sent {self._count} {action.astype(np.float32).tobytes().hex()}")
        return super().send_action(action)

    def restore(self, actions: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """See SimulatedRobot."""
        self._count, self._restoring = 0, True
        try:
            return super().restore(actions)
        finally:
            self._restoring = False


class LedgerRecall(Recall):
    """Writes down which clips are imagined, and when they are kept."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        super().__init__(store)
        self._ledger = ledger

    def video(self, inner: VideoModel) -> VideoModel:
        """See Recall."""
        return _Noted(super().video(_Noted(inner, self._ledger, "imagined")), self._ledger, "kept")


class _Noted:
    def __init__(self, inner: VideoModel, ledger: Ledger, word: str) -> None:
        self._inner, self._ledger, self._word = inner, ledger, word

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> NDArray[Any]:
        """See planner.VideoModel."""
        clips = self._inner.imagine(frames, subgoals, seeds)
        for frame, subgoal, seed in zip(frames, subgoals, seeds, strict=True):
            text = hashlib.sha256(frame.tobytes() + subgoal.encode() + str(seed).encode()).hexdigest()
            self._ledger.add(f"{self._word} {text}")
        return clips


def work(parts: TabletopParts, path: Path, settings: Settings, kill: Kill | None) -> None:
    """Begin the run in a folder, or go on with it, and die where that is asked for."""
    begun = (path / FILE).exists()
    ledger = Ledger(path.with_suffix(".ledger"))
    with DyingStore(path / FILE, fresh=not begun, kill=kill) as store:
        keeping = Keeping(store, resumed=begun)
        if begun:
            check_kept(path, store, keeping)
        keeping.recall = LedgerRecall(store, ledger)
        with RunFolder.reopen(path) if begun else RunFolder(path) as folder:
            events = Events()
            events.subscribe(folder.record)
            robot = keeping.robot(LedgerRobot(ledger, settings))
            robot.connect()
            result = AgentLoop(parts, robot, settings, events=events, folder=folder, keeping=keeping).run(
                GOAL
            )
            folder.finish(result)


def in_process(work: Callable[[], None]) -> int:
    """Do it in a process of its own; -9 where it was killed, 0 where it ended, 1 where it failed."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def outcome(path: Path) -> dict[str, Any]:
    """What a run has left that may not depend on when it was killed."""
    events = [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()]
    trees = [json.loads(file.read_text()) for file in sorted(path.glob("decisions/*/tree.json"))]
    clips = [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(path.glob("decisions/*/*.png"))]
    for record in [*events, *trees]:
        record.pop("time", None)
        record.pop("seconds", None)
    return {"events": events, "trees": trees, "clips": clips}


def faults(path: Path, alone: dict[str, Any], sent: Sequence[str]) -> list[str]:
    """What is wrong with a run that was killed, beside one that was left alone, of which `sent` was sent."""
    lines = [line.split() for line in path.with_suffix(".ledger").read_text().splitlines()]
    numbers = [int(line[1]) for line in lines if line[0] == "sent"]
    wrong = [] if numbers == sorted(set(numbers)) else ["an action was issued twice"]
    if not {" ".join(line) for line in lines if line[0] == "sent"} <= set(sent):
        wrong.append("another action was issued")
    kept: set[str] = set()
    for word, text in (line[:2] for line in lines):
        if word == "imagined" and text in kept:
            wrong.append("a finished branch was imagined again")
        kept |= {text} if word == "kept" else set()
    left = outcome(path)
    wrong += [
        f"{name} differ from the run that was left alone" for name in alone if left[name] != alone[name]
    ]
    return sorted(set(wrong))


def sent_by(path: Path) -> list[str]:
    """What the robot was sent in a run."""
    return [x for x in path.with_suffix(".ledger").read_text().splitlines() if x.startswith("sent")]


def kill_and_recover(
    parts: TabletopParts, path: Path, first: Kill, again: Kill | None, settings: Settings = SMALL
) -> int:
    """Kill a run, kill its recovery, let it recover; how often it was really killed."""
    path.mkdir()
    killed = 0
    for kill in (first, again, None):
        if kill is None and killed == 0 and (path / "result.json").exists():
            break
        code = in_process(lambda kill=kill: work(parts, path, settings, kill))  # type: ignore[misc]
        if code == 0:
            break
        assert code == -signal.SIGKILL, f"expected to be killed or to end, got exit code {code}"
        killed += 1
    return killed


def writes(parts: TabletopParts, path: Path, settings: Settings = SMALL) -> int:
    """Let a run alone; how often it writes."""
    path.mkdir()
    count = path.with_suffix(".count")

    def run() -> None:
        total = 0
        inner = Store.put

        def counted(self: Store, rows: Any) -> None:
            nonlocal total
            total += 1
            inner(self, rows)

        Store.put = counted  # type: ignore[method-assign]
        work(parts, path, settings, None)
        count.write_text(str(total))

    assert in_process(run) == 0, "expected a run that was left alone to end"
    return int(count.read_text())


def main() -> None:
    """Kill at every write, before and after it; every recovery is killed once more at a drawn write."""
    parts, generator = build(device="cpu"), np.random.default_rng(0)
    with TemporaryDirectory() as name:
        root = Path(name)
        total = writes(parts, root / "alone")
        alone, sent = outcome(root / "alone"), sent_by(root / "alone")
        found: dict[str, int] = {}
        kills = recoveries = 0
        points = [Kill(count, before) for count in range(2, total + 1) for before in (True, False)]
        for number, kill in enumerate(points):
            left = max(2, total - kill.count)
            again = Kill(int(generator.integers(2, left + 1)), bool(generator.integers(2)))
            path = root / f"{number:04d}"
            killed = kill_and_recover(parts, path, kill, again)
            kills, recoveries = kills + killed, recoveries + (killed > 1)
            for fault in faults(path, alone, sent):
                found[fault] = found.get(fault, 0) + 1
                print(kill, again, fault, flush=True)
    write(
        "crashes",
        {
            "command": "python -m vlp.evaluate.tabletop.crashes",
            "settings": SMALL.as_dict(),
            "points": len(points),
            "kills": kills,
            "killed_again_while_recovering": recoveries,
            "control_steps": len(sent),
            "faults": found,
        },
    )


if __name__ == "__main__":
    main()
