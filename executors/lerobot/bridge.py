#!/usr/bin/env python3
"""The bridge: runs in LeRobot's own environment and lets `vlp` see and move a robot of LeRobot's.

A file of its own: it needs the standard library, numpy and lerobot (0.6), and nothing of this project.

    python bridge.py --listen unix:/tmp/arm.sock -- --robot.type=so101_follower --robot.port=/dev/ttyACM0 ...
    python bridge.py --listen 127.0.0.1:5757 --token-file arm.token -- --robot.type=...

What follows `--` is what lerobot-teleoperate takes for the robot. `--make module:function` calls
`function(arguments)` for a robot instead. Messages are a header, JSON and raw pixels; nothing is unpickled.
The robot is connected once, never calibrated here; whoever is lost leaves it at its last goal, torque on.
"""

from __future__ import annotations

import argparse
import hmac
import importlib
import json
import math
import os
import secrets
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

VERSION = 1
MAGIC = b"VLPB"
HEADER = struct.Struct(">4sBIQ")
"""Magic, version, bytes of JSON, bytes of pixels."""
MOST_JSON, MOST_PIXELS = 1 << 20, 1 << 28
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class WireError(ConnectionError):
    """What came is no message of this version."""


def pack(message: dict[str, Any], arrays: dict[str, Any] | None = None) -> bytes:
    """A message with pictures uint8 [H, W, 3] by name. Raises ValueError for NaN and infinity."""
    shapes = {name: list(array.shape) for name, array in (arrays or {}).items()}
    text = json.dumps({**message, "arrays": shapes}, allow_nan=False).encode()
    pixels = b"".join(np.ascontiguousarray(array).tobytes() for array in (arrays or {}).values())
    return HEADER.pack(MAGIC, VERSION, len(text), len(pixels)) + text + pixels


def receive(link: socket.socket, seconds: float | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The next message and its pictures. Raises WireError, TimeoutError, and EOFError: the other is gone."""
    until = None if seconds is None else time.monotonic() + seconds
    magic, version, text, pixels = HEADER.unpack(_read(link, HEADER.size, until))
    if magic != MAGIC:
        raise WireError(f"expected a message of the bridge, got {magic!r}; is another program there?")
    if version != VERSION:
        raise WireError(
            f"expected version {VERSION} of the bridge, got {version}; take bridge.py of the same release"
        )
    if text > MOST_JSON or pixels > MOST_PIXELS:
        raise WireError(f"expected a message of at most {MOST_PIXELS} bytes, got {text + pixels}")
    try:
        said = json.loads(_read(link, text, until), parse_constant=_no_number)
        shapes = dict(said.pop("arrays"))
        return said, _arrays(shapes, _read(link, pixels, until))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"expected JSON and pixels, got something else: {error}") from error


def _read(link: socket.socket, count: int, until: float | None) -> bytes:
    parts = []
    while count:
        if until is not None:
            link.settimeout(max(1e-3, until - time.monotonic()))
        part = link.recv(min(count, 1 << 20))
        if not part:
            raise EOFError("the other side is gone")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _arrays(shapes: dict[str, Any], pixels: bytes) -> dict[str, Any]:
    found, at = {}, 0
    for name, shape in shapes.items():
        if len(shape) != 3 or shape[2] != 3 or not all(type(n) is int and n > 0 for n in shape):
            raise ValueError(f"a picture of shape {shape}")
        size = math.prod(shape)
        if at + size > len(pixels):
            raise ValueError("fewer pixels than its shapes say")
        found[name] = np.frombuffer(pixels, np.uint8, size, at).reshape(shape)
        at += size
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"a number that is {word}")


def proof(token: bytes, nonce: str) -> str:
    """What shows that one knows the token without saying it."""
    return hmac.new(token, nonce.encode(), "sha256").hexdigest()


class Bridge:
    """Serves one client after another.

    robot: by LeRobot's names, connected. leap: the furthest that a goal may be from the one before, in the
    robot's own units. token: None where the address keeps others away (a Unix socket of one's own).
    """

    def __init__(self, robot: Any, *, leap: float, token: bytes | None) -> None:
        self._robot, self._leap, self._token = robot, leap, token
        self._goal: dict[str, float] = {}

    def serve(self, listening: socket.socket) -> None:
        """For ever."""
        while True:
            link, _ = listening.accept()
            with link:
                try:
                    self._greet(link)
                    while True:
                        asked, _ = receive(link)
                        answer, pictures = self._answer(asked)
                        link.sendall(pack(answer, pictures))
                except (OSError, EOFError, ValueError) as error:
                    _say(f"client lost ({error}); the robot stays at its last goal")

    def _greet(self, link: socket.socket) -> None:
        nonce = secrets.token_hex(16)
        link.sendall(pack({"kind": "hello", "nonce": nonce, "token": self._token is not None}))
        try:
            said, _ = receive(link, 5.0)
        except WireError as error:
            link.sendall(pack({"kind": "error", "text": str(error)}))
            raise
        if self._token is not None and not hmac.compare_digest(
            str(said.get("proof")), proof(self._token, nonce)
        ):
            link.sendall(pack({"kind": "error", "text": "expected the bridge's token, got another one"}))
            raise WireError("a client without the token")
        link.sendall(pack(self._about()))
        link.settimeout(None)

    def _about(self) -> dict[str, Any]:
        features = self._robot.observation_features
        return {
            "kind": "robot",
            "name": str(getattr(self._robot, "name", type(self._robot).__name__)),
            "joints": [name for name, kind in self._robot.action_features.items() if not _is_shape(kind)],
            "cameras": {name: list(kind) for name, kind in features.items() if _is_shape(kind)},
            "leap": self._leap,
        }

    def _answer(self, asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is answered; errors of the robot are told, not raised."""
        try:
            if asked.get("kind") == "observe":
                return self._observe()
            if asked.get("kind") == "send":
                return self._send(asked), {}
            raise ValueError(f"expected observe or send, got {asked.get('kind')!r:.40}")
        except Exception as error:  # whatever a robot raises, its client must hear of it
            _say(f"{type(error).__name__}: {error}")
            return {"kind": "error", "text": f"{type(error).__name__}: {error}"}, {}

    def _observe(self) -> tuple[dict[str, Any], dict[str, Any]]:
        now = time.monotonic()
        seen = self._robot.get_observation()
        shapes = self._about()["cameras"]
        pictures = {name: np.asarray(seen[name]) for name, shape in shapes.items() if shape[2] == 3}
        for name, picture in pictures.items():
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise ValueError(f"camera {name}: {picture.dtype} {list(picture.shape)}")
        joints = {name: float(seen[name]) for name in self._about()["joints"] if name in seen}
        return {"kind": "observation", "joints": _finite(joints), "time": now}, pictures

    def _send(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Send one goal; nothing is sent that is late, incomplete, not finite or far away."""
        goal = {str(name): float(value) for name, value in dict(asked["action"]).items()}
        wanted = set(self._about()["joints"])
        if set(goal) != wanted:
            raise ValueError(f"expected goals of {sorted(wanted)}, got {sorted(goal)}; nothing was sent")
        if time.monotonic() > float(asked["until"]):
            raise ValueError("the goal came too late; nothing was sent")
        before = self._goal or self._observe()[0]["joints"]
        for name, value in _finite(goal).items():
            if abs(value - before.get(name, value)) > self._leap:
                raise ValueError(
                    f"expected {name} within {self._leap:g} of {before[name]:.1f}, got {value:.1f}; "
                    "nothing was sent"
                )
        sent = self._robot.send_action(dict(goal))
        self._goal = _finite({name: float(sent[name]) for name in goal})
        return {"kind": "sent", "action": self._goal}


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, tuple | list)


def _finite(numbers: dict[str, float]) -> dict[str, float]:
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
    return numbers


def lerobot_robot(arguments: list[str]) -> Any:
    """A robot by LeRobot's own command line."""
    import dataclasses
    import pkgutil

    import draccus  # type: ignore[import-not-found, unused-ignore]
    import lerobot.cameras  # type: ignore[import-not-found, unused-ignore]
    import lerobot.robots  # type: ignore[import-not-found, unused-ignore]
    from lerobot.utils.import_utils import (  # type: ignore[import-not-found, unused-ignore]
        register_third_party_plugins,
    )

    for package in (lerobot.robots, lerobot.cameras):  # each registers its name when it is imported
        for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            try:
                importlib.import_module(found.name)
            except ImportError:  # its motors' or camera's library is not installed
                continue
    register_third_party_plugins()
    asked = dataclasses.make_dataclass("Asked", [("robot", lerobot.robots.RobotConfig)])
    return lerobot.robots.make_robot_from_config(draccus.parse(asked, args=arguments).robot)


def listen(address: str) -> socket.socket:
    """A socket that only this machine reaches. Raises ValueError for any other."""
    kind, _, path = address.partition(":")
    if kind == "unix":
        if os.path.exists(path):
            os.unlink(path)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)  # nobody else's from its first moment on
        try:
            made.bind(path)
        finally:
            os.umask(mask)
    else:
        host, _, port = address.rpartition(":")
        if host not in LOOPBACK or not port.isdecimal():
            raise ValueError(f"expected unix:PATH or 127.0.0.1:PORT, got {address}")
        made = socket.create_server(
            (host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    made.listen(1)
    return made


def read_token(path: Path) -> bytes:
    """The token in a file, which is made where there is none."""
    if not path.exists():
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    token = path.read_text().strip().encode()
    if len(token) < 32:
        raise ValueError(f"expected a token of 32 characters or more in {path}, got {len(token)}")
    return token


def _say(words: str) -> None:
    print(f"bridge: {words}", file=sys.stderr, flush=True)


def command_line() -> argparse.ArgumentParser:
    """What the script takes."""
    parser = argparse.ArgumentParser(description="Lets vlp see and move a robot of LeRobot's.")
    parser.add_argument("--listen", required=True, help="unix:PATH or 127.0.0.1:PORT")
    parser.add_argument("--token-file", type=Path, help="made where there is none; needed for 127.0.0.1")
    parser.add_argument("--leap", type=float, default=15.0, help="furthest from one goal to the next (15)")
    parser.add_argument("--make", help="module:function that makes the robot; else LeRobot does")
    parser.add_argument("robot", nargs=argparse.REMAINDER, help="-- --robot.type=... as for LeRobot")
    return parser


def main() -> int:
    """The command line."""
    parser = command_line()
    asked = parser.parse_args()
    if not asked.listen.startswith("unix:") and asked.token_file is None:
        parser.error("--token-file: expected one with 127.0.0.1, where others can connect")
    arguments = [word for word in asked.robot if word != "--"]
    make = lerobot_robot
    if asked.make:
        module, _, function = asked.make.partition(":")
        make = getattr(importlib.import_module(module), function)
    token = None if asked.token_file is None else read_token(asked.token_file)
    listening = listen(asked.listen)
    robot = make(arguments)
    robot.connect(calibrate=False)
    try:
        if not getattr(robot, "is_calibrated", True):
            _say("expected a calibrated robot, got one that is not; run lerobot-calibrate first")
            return 1
        _say(f"ready at {asked.listen}")
        Bridge(robot, leap=asked.leap, token=token).serve(listening)
    except KeyboardInterrupt:
        _say("ends; the robot is let go: its torque may go off")
    finally:
        robot.disconnect()
    return 0


if __name__ == "__main__":
    sys.exit(main())
