"""Our side of the bridge: asks it, and takes whatever comes of it for what it is."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from executors.lerobot.bridge import LOOPBACK, WireError, pack, proof, receive
from executors.safety.faults import RobotError

GREETING: Final = 5.0
"""Seconds in which the bridge must say who it is."""


class BridgeError(RobotError):
    """The bridge refused, or said what can't be; it is still there."""


@dataclass(frozen=True)
class Address:
    """Where a bridge listens."""

    path: str = ""
    """Of a Unix socket; empty: host and port are meant."""
    host: str = ""
    port: int = 0
    token: bytes | None = None

    @classmethod
    def parse(cls, words: str, token_file: Path | None = None) -> Self:
        """Of "unix:PATH" or "127.0.0.1:PORT". Raises ValueError for any other, which others may reach."""
        kind, _, path = words.partition(":")
        token = None if token_file is None else token_file.read_text(encoding="utf-8").strip().encode()
        if kind == "unix" and path:
            return cls(path=path, token=token)
        host, _, port = words.rpartition(":")
        if host not in LOOPBACK or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"expected unix:PATH or 127.0.0.1:PORT, got {words!r:.60}")
        if token is None:
            raise ValueError(f"expected the bridge's token file with {words}, got none")
        return cls(host=host, port=int(port), token=token)

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class BridgedRobot:
    """What a bridge says of its robot."""

    name: str
    joints: tuple[str, ...]
    """In its own order."""
    cameras: dict[str, tuple[int, ...]]
    """Name -> [H, W, 3] (or [H, W, 1], depth)."""
    leap: float


class BridgeClient:
    """One conversation with a bridge, a question at a time, from any thread.

    Args:
        address: of the bridge.
        timeout: seconds in which it must answer. One that does not is let go: what it says later would be
            the answer to another question.
    """

    def __init__(self, address: Address, *, timeout: float = 0.5) -> None:
        self._address, self._timeout = address, timeout
        self._link: socket.socket | None = None
        self._turn = threading.Lock()

    @property
    def is_connected(self) -> bool:
        """Whether there is a conversation."""
        return self._link is not None

    def connect(self) -> BridgedRobot:
        """Begin anew. Raises OSError and BridgeError."""
        with self._turn:
            self._let_go()
            try:
                return self._greet()
            except EOFError as error:
                self._let_go()
                raise ConnectionError(f"the bridge at {self._address} is gone") from error
            except BaseException:
                self._let_go()
                raise

    def _greet(self) -> BridgedRobot:
        at = self._address
        self._link = (
            socket.socket(socket.AF_UNIX)
            if at.path
            else socket.create_connection((at.host, at.port), GREETING)
        )
        if at.path:
            self._link.settimeout(GREETING)
            self._link.connect(at.path)
        hello, _ = receive(self._link, GREETING)
        if hello.get("token") and at.token is None:
            raise BridgeError(f"expected the token of the bridge at {at}, got none; give its token file")
        answer = "" if at.token is None else proof(at.token, str(hello.get("nonce")))
        self._link.sendall(pack({"kind": "hello", "proof": answer}))
        said, _ = receive(self._link, GREETING)
        _check_kind(said, "robot")
        try:
            cameras = {str(name): tuple(map(int, shape)) for name, shape in dict(said["cameras"]).items()}
            return BridgedRobot(
                str(said["name"]), tuple(map(str, said["joints"])), cameras, float(said["leap"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WireError(f"expected a robot's joints and cameras, got {said!r:.80}") from error

    def observe(self) -> tuple[dict[str, float], dict[str, NDArray[np.uint8]], float]:
        """Joints by name, pictures uint8 [H, W, 3] by camera, and when (seconds of this machine's clock)."""
        said, pictures = self._ask({"kind": "observe"}, "observation")
        try:
            return _numbers(said["joints"]), pictures, float(said["time"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._nonsense(error) from error

    def send(self, goal: dict[str, float]) -> dict[str, float]:
        """Send a goal to all joints; what the robot says was really sent."""
        until = time.monotonic() + self._timeout
        said, _ = self._ask({"kind": "send", "action": goal, "until": until}, "sent")
        try:
            sent = _numbers(said["action"])
            if set(sent) != set(goal):
                raise ValueError(f"goals of {sorted(sent)}")
            return sent
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._nonsense(error) from error

    def disconnect(self) -> None:
        """End the conversation; the robot stays at its last goal."""
        with self._turn:
            self._let_go()

    def __del__(self) -> None:
        """The bridge must not wait for whoever was forgotten."""
        self._let_go()

    def _ask(self, question: dict[str, Any], kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
        with self._turn:
            if self._link is None:
                raise ConnectionError("expected a bridge that is connected, got none; connect first")
            try:
                self._link.settimeout(self._timeout)
                self._link.sendall(pack(question))
                said, pictures = receive(self._link, self._timeout)
            except (OSError, EOFError) as error:
                self._let_go()
                words = f"no answer in {self._timeout:g} s" if isinstance(error, TimeoutError) else str(error)
                raise ConnectionError(f"the bridge at {self._address}: {words}") from error
        _check_kind(said, kind)
        return said, pictures

    def _nonsense(self, error: Exception) -> ConnectionError:
        self.disconnect()
        return WireError(f"expected joints and numbers of the bridge, got something else: {error}")

    def _let_go(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def _check_kind(said: dict[str, Any], kind: str) -> None:
    if said.get("kind") == "error":
        raise BridgeError(str(said.get("text")))
    if said.get("kind") != kind:
        raise WireError(f"expected a message {kind} of the bridge, got {said.get('kind')!r:.40}")


def _numbers(said: Any) -> dict[str, float]:
    found = {str(name): float(value) for name, value in said.items()}
    if not np.isfinite(list(found.values())).all():
        raise ValueError("numbers that are not finite")
    return found
