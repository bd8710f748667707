"""The PyBullet tabletop: blocks, a cylindrical pusher on a gantry, a camera.

A world owns its own physics client, so that several can live in one process. A copy, deep, shallow or by
pickle, is another world with a client of its own.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pybullet as p
from numpy.typing import NDArray

from tasks.tabletop.world import board
from tasks.tabletop.world.camera import BOARD, Camera
from tasks.tabletop.world.shapes import RGBA, outline, prism

_FORCE = 40.0
_PARKED = (0.0, 0.0, -1.0)
P = ParamSpec("P")
R = TypeVar("R")


class ClosedError(RuntimeError):
    """Something was asked of a world that has been closed."""


def _while_open(method: Callable[Concatenate[World, P], R]) -> Callable[Concatenate[World, P], R]:
    """The method of a world that is refused, before it changes anything, once the world is closed."""

    @wraps(method)
    def asked(world: World, /, *args: P.args, **more: P.kwargs) -> R:
        if world._client < 0:
            raise ClosedError(
                f"{method.__name__}: expected an open world, got one that was closed; make a new one"
            )
        return method(world, *args, **more)

    return asked


@dataclass(frozen=True)
class Snapshot:
    """All that a world needs to go on exactly as it would have: block and gantry states."""

    names: tuple[str, ...]
    poses: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    velocities: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    gantry: tuple[tuple[float, float], ...]
    target: tuple[float, float]


def _pusher_shapes(client: int) -> tuple[int, int]:
    """Bullet's numbers of the pusher's collision and visual shapes."""
    radius, length = board.EFFECTOR_RADIUS, 0.09
    collision = p.createCollisionShape(p.GEOM_CYLINDER, radius=radius, height=length, physicsClientId=client)
    visual = p.createVisualShape(
        p.GEOM_CYLINDER,
        radius=radius,
        length=length,
        rgbaColor=(0.12, 0.12, 0.12, 1),
        specularColor=(0, 0, 0),
        physicsClientId=client,
    )
    return collision, visual


def _prism_shapes(client: int, kind: str) -> tuple[int, int]:
    """Bullet's numbers of a block kind's collision and visual shapes."""
    shape = board.shape_of(kind)
    mesh = prism(shape)
    half = board.BLOCK_HEIGHT / 2
    hull = [[x, y, z] for x, y in outline(shape) for z in (-half, half)]
    collision = p.createCollisionShape(p.GEOM_MESH, vertices=hull, physicsClientId=client)
    visual = p.createVisualShape(
        p.GEOM_MESH,
        vertices=mesh.vertices.tolist(),
        indices=mesh.indices.tolist(),
        normals=mesh.normals.tolist(),
        rgbaColor=RGBA[board.color_of(kind)],
        specularColor=(0, 0, 0),
        physicsClientId=client,
    )
    return collision, visual


class World:
    """Blocks on a board and a pusher that follows a set point.

    Copied, it is saved as by `save`, so that original and copy go on alike bit for bit.

    Args:
        camera: the view that `render` draws.

    Raises RuntimeError where Bullet has no client left to give; all methods raise ClosedError after `close`.
    """

    def __init__(self, camera: Camera = BOARD) -> None:
        self.camera = camera
        self._client = p.connect(p.DIRECT)
        if self._client < 0:
            raise RuntimeError("expected a free physics client, got none; close worlds that are done with")
        # Bullet gives a thousand clients at most: copies that nobody closes give theirs back with themselves.
        self._freed = weakref.finalize(self, p.disconnect, self._client)
        self._freed.atexit = False
        p.setGravity(0, 0, -9.81, physicsClientId=self._client)
        p.setPhysicsEngineParameter(
            numSolverIterations=20, deterministicOverlappingPairs=1, physicsClientId=self._client
        )
        self._build_board()
        # Bullet never gives a shape back, so each is made once and serves all bodies to come.
        self._shapes = {"pusher": _pusher_shapes(self._client)}
        self._gantry = self._build_gantry()
        self._bodies: dict[str, int] = {}
        self.target = (0.35, 0.0)

    def close(self) -> None:
        """Free the physics client; whatever is asked of the world afterwards raises ClosedError."""
        self._freed()
        self._client = -1

    def __getstate__(self) -> dict[str, object]:
        return {"camera": self.camera, "snapshot": self.save() if self._client >= 0 else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["camera"])  # type: ignore[misc]
        if state["snapshot"] is None:
            self.close()
        else:
            self.restore(state["snapshot"])

    def _box(
        self, half: Sequence[float], position: Sequence[float], color: Sequence[float], solid: bool
    ) -> None:
        client = self._client
        visual = p.createVisualShape(
            p.GEOM_BOX, halfExtents=half, rgbaColor=color, specularColor=(0, 0, 0), physicsClientId=client
        )
        collision = (
            p.createCollisionShape(p.GEOM_BOX, halfExtents=half, physicsClientId=client) if solid else -1
        )
        body = p.createMultiBody(0, collision, visual, position, physicsClientId=client)
        if solid:
            p.changeDynamics(body, -1, lateralFriction=0.6, physicsClientId=client)

    def _build_board(self) -> None:
        """A light board on a darker table; a block over the edge lands on the table, lower, and is lost."""
        (x0, x1), (y0, y1) = board.BOARD_X, board.BOARD_Y
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        margin = 0.03
        half = ((x1 - x0) / 2 + margin, (y1 - y0) / 2 + margin, 0.02)
        self._box((0.6, 0.8, 0.02), (*middle, -0.12), (0.30, 0.32, 0.36, 1), True)
        self._box(half, (*middle, -0.02), (0.55, 0.55, 0.57, 1), True)
        self._box((half[0] - margin, half[1] - margin, 0.0004), (*middle, 0.0), (0.85, 0.85, 0.84, 1), False)

    def _build_gantry(self) -> int:
        collision, visual = self._shapes["pusher"]
        body = p.createMultiBody(
            0,
            -1,
            -1,
            (0, 0, 0.049),
            linkMasses=[1.0, 1.0],
            linkCollisionShapeIndices=[-1, collision],
            linkVisualShapeIndices=[-1, visual],
            linkPositions=[(0, 0, 0), (0, 0, 0)],
            linkOrientations=[(0, 0, 0, 1)] * 2,
            linkInertialFramePositions=[(0, 0, 0)] * 2,
            linkInertialFrameOrientations=[(0, 0, 0, 1)] * 2,
            linkParentIndices=[0, 1],
            linkJointTypes=[p.JOINT_PRISMATIC] * 2,
            linkJointAxis=[(1, 0, 0), (0, 1, 0)],
            physicsClientId=self._client,
        )
        p.changeDynamics(body, 1, lateralFriction=0.3, physicsClientId=self._client)
        return int(body)

    @property
    @_while_open
    def names(self) -> tuple[str, ...]:
        """The blocks in use."""
        return tuple(self._bodies)

    @_while_open
    def clear(self) -> None:
        """Take everything off the board: what is placed then moves as in a new world, bit for bit.

        Bullet keeps contact caches, which no query shows, for as long as a body lives.
        """
        for body in self._bodies.values():
            p.removeBody(body, physicsClientId=self._client)
        # Bullet looks for pairs that have parted a few at a time, from a place that it remembers. It
        # wraps round at the number of pairs: with the one of pusher and board left, it is the first again.
        p.performCollisionDetection(physicsClientId=self._client)
        p.removeBody(self._gantry, physicsClientId=self._client)
        self._gantry = self._build_gantry()
        self._bodies = {}

    @_while_open
    def place(self, blocks: Mapping[str, Sequence[float]], effector: Sequence[float]) -> None:
        """Put blocks at (x, y, yaw) in metres and radians and the pusher at (x, y), all at rest."""
        for name in [n for n in self._bodies if n not in blocks]:
            p.removeBody(self._bodies.pop(name), physicsClientId=self._client)
        for name, (x, y, yaw) in blocks.items():
            if name not in self._bodies:
                self._bodies[name] = self._add_block(name)
            body, half = self._bodies[name], board.BLOCK_HEIGHT / 2
            rotation = (0.0, 0.0, float(np.sin(yaw / 2)), float(np.cos(yaw / 2)))
            p.resetBasePositionAndOrientation(body, (x, y, half), rotation, physicsClientId=self._client)
            p.resetBaseVelocity(body, (0, 0, 0), (0, 0, 0), physicsClientId=self._client)
        for joint, value in enumerate(effector):
            p.resetJointState(self._gantry, joint, value, 0.0, physicsClientId=self._client)
        self.target = (float(effector[0]), float(effector[1]))

    def _add_block(self, name: str) -> int:
        if name not in self._shapes:
            self._shapes[name] = _prism_shapes(self._client, name)
        collision, visual = self._shapes[name]
        body = p.createMultiBody(board.BLOCK_MASS, collision, visual, _PARKED, physicsClientId=self._client)
        p.changeDynamics(body, -1, lateralFriction=0.6, angularDamping=0.1, physicsClientId=self._client)
        return int(body)

    @_while_open
    def step(self, target: Sequence[float] | NDArray[np.float64]) -> None:
        """One control step (0.1 s): the set point moves in a straight line to `target`, metres."""
        start = self.target
        self.target = (float(target[0]), float(target[1]))
        for i in range(1, board.SUBSTEPS + 1):
            along = [a + (b - a) * i / board.SUBSTEPS for a, b in zip(start, self.target, strict=True)]
            p.setJointMotorControlArray(
                self._gantry,
                (0, 1),
                p.POSITION_CONTROL,
                targetPositions=along,
                positionGains=(0.4, 0.4),
                forces=(_FORCE, _FORCE),
                physicsClientId=self._client,
            )
            p.stepSimulation(physicsClientId=self._client)

    @_while_open
    def effector(self) -> NDArray[np.float32]:
        """The pusher's measured place, float32 [2] metres."""
        states = p.getJointStates(self._gantry, (0, 1), physicsClientId=self._client)
        return np.array([state[0] for state in states], np.float32)

    @_while_open
    def poses(self) -> dict[str, tuple[float, float, float]]:
        """Block name -> (x, y, yaw), metres and radians."""
        result = {}
        for name, body in self._bodies.items():
            (x, y, _), (_, _, qz, qw) = p.getBasePositionAndOrientation(body, physicsClientId=self._client)
            result[name] = (x, y, 2 * float(np.arctan2(qz, qw)))
        return result

    @_while_open
    def lost(self) -> frozenset[str]:
        """Blocks that have left the board."""
        heights = {n: self._pose(b)[0][2] for n, b in self._bodies.items()}
        return frozenset(name for name, z in heights.items() if z < 0.0)

    def _pose(self, body: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        position, rotation = p.getBasePositionAndOrientation(body, physicsClientId=self._client)
        return tuple(position), tuple(rotation)

    @_while_open
    def save(self) -> Snapshot:
        """The state as plain numbers; the world itself is set to it, so both go on alike bit for bit."""
        bodies = self._bodies.values()
        snapshot = Snapshot(
            names=self.names,
            poses=tuple(self._pose(body) for body in bodies),
            velocities=tuple(p.getBaseVelocity(body, physicsClientId=self._client) for body in bodies),
            gantry=tuple(
                (state[0], state[1])
                for state in p.getJointStates(self._gantry, (0, 1), physicsClientId=self._client)
            ),
            target=self.target,
        )
        self.restore(snapshot)
        return snapshot

    @_while_open
    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a saved state (of any world with the same blocks)."""
        client = self._client
        # Fresh bodies carry no cached contacts, which would leak the future into the past.
        self.clear()
        self._bodies = {name: self._add_block(name) for name in snapshot.names}
        for body, pose, velocity in zip(
            self._bodies.values(), snapshot.poses, snapshot.velocities, strict=True
        ):
            p.resetBasePositionAndOrientation(body, *pose, physicsClientId=client)
            p.resetBaseVelocity(body, *velocity, physicsClientId=client)
        for joint, (value, speed) in enumerate(snapshot.gantry):
            p.resetJointState(self._gantry, joint, value, speed, physicsClientId=client)
        self.target = snapshot.target

    @_while_open
    def render(self, height: int = 96, width: int = 128) -> NDArray[np.uint8]:
        """The camera's picture, uint8 [height, width, 3]."""
        camera = self.camera
        eye = np.array(camera.position)
        _, up, forward = camera.axes()
        view = p.computeViewMatrix(eye, eye + forward, up)
        fov = float(2 * np.rad2deg(np.arctan(0.5 / camera.focal)))
        projection = p.computeProjectionMatrixFOV(fov, width / height, 0.05, 3.0)
        picture = p.getCameraImage(
            width,
            height,
            view,
            projection,
            lightDirection=(0.3, 0.4, 1.0),
            shadow=0,
            renderer=p.ER_TINY_RENDERER,
            flags=p.ER_NO_SEGMENTATION_MASK,
            physicsClientId=self._client,
        )[2]
        return np.asarray(picture, np.uint8).reshape(height, width, 4)[..., :3].copy()
