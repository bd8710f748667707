"""The console in this process, over real HTTP, with plans that a bandit imagined: nothing to load."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from planner import Search, search
from planner.fakes import BanditProposer, BanditValue, BanditVideo, number_frame
from vlp.agent.approval import Answer
from vlp.console.app import application
from vlp.console.desk import Desk
from vlp.console.runner import Runner
from vlp.console.server import configured
from vlp.domains.base import domain
from vlp.record.decision import save_decision
from vlp.record.folder import RunFolder
from vlp.session.request import Options

TOKEN = "t0ken"


class Stage:
    """A console whose run is played by the test. `answers`: what an operator said of each plan, in order."""

    def __init__(self, root: Path, port: int, base: str, options: Options) -> None:
        self.desk = Desk(domain(options.world).check_subgoal)
        self.runner = Runner(options, root, self.desk)
        self.app = application(self.runner, self.desk, token=TOKEN, port=port)
        self.root, self.port, self.base = root, port, base
        self.url = f"{base}/?token={TOKEN}"
        self.answers: queue.Queue[Answer | None] = queue.Queue()
        self._asking: list[threading.Thread] = []

    @property
    def headers(self) -> dict[str, str]:
        """Of a program that has the token."""
        return {"authorization": f"Bearer {TOKEN}"}

    def ask(self, number: int, *, run: str = "staged") -> Search:
        """A plan of decision `number` waits, as in a run that is under way."""
        found, folder = imagined(number), self.root / run
        if not folder.exists():
            RunFolder.create(self.root, run).__exit__(None, None, None)
        save_decision(folder / "decisions" / f"{number:02d}", number, found, 0.5)
        if self.desk.scene.run != run:
            self.desk.loading("getting ready")
            self.desk.began(folder)
        thread = threading.Thread(target=lambda: self.answers.put(self.desk.ask(number, found)), daemon=True)
        thread.start()
        self._asking.append(thread)
        assert self.desk.wait(lambda scene: scene.waits == number, 30)
        return found

    def close(self) -> None:
        """Nobody waits any more."""
        self.desk.leave("the test is over")
        for thread in self._asking:
            thread.join(30)


def imagined(seed: int, *, branches: int = 2) -> Search:
    """A search over numbers, which takes milliseconds."""
    models = (BanditProposer(), BanditVideo(length=4, noise=2), BanditValue())
    return search(
        *models, number_frame(0), "reach 100", beams=2, language_branches=3, video_branches=branches,
        horizon=2, seed=seed,
    )  # fmt: skip


@contextmanager
def staged(root: Path, options: Options | None = None) -> Iterator[Stage]:
    """Serves a stage until the block is left; `options`: of its runs."""
    root.mkdir(exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        stage = Stage(root, port, f"http://127.0.0.1:{port}", options or Options())
        server = uvicorn.Server(configured(stage.app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield stage
        finally:
            stage.close()
            server.should_exit = True
            thread.join(30)
