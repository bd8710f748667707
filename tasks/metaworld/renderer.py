"""Pictures of a MuJoCo model by OSMesa, a hundred a second on one core.

All renderers of a process share one OpenGL context, which is made current for each picture: what is drawn
while another one is current is garbage, and nothing says so.
"""

from __future__ import annotations

import math
import os
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.metaworld.available import SawyerUnavailable, check

CROP: Final = 2 / 3
"""Share of the camera's height that a picture shows, its middle: AVDC crops 320x240 pixels to 160x160."""
LARGEST: Final = 512
"""Pixels a side."""
SLOW: Final = ("SHADOW", "REFLECTION", "SKYBOX", "FOG", "HAZE")
"""What costs nine tenths of the time of drawing."""


@cache
def _context() -> Any:
    """The process's one OpenGL context. Raises SawyerUnavailable."""
    check()
    os.environ["PYOPENGL_PLATFORM"] = "osmesa"
    try:
        from mujoco.osmesa import GLContext

        context = GLContext(LARGEST, LARGEST)
        context.make_current()
    except Exception as error:  # whatever a driver says
        raise SawyerUnavailable(
            f"expected OpenGL without a screen (OSMesa), got {type(error).__name__}: {error}; "
            "apt-get install libosmesa6, and start with MUJOCO_GL unset or osmesa"
        ) from error
    return context


class SawyerCameras:
    """Draws a model as its cameras see it.

    Args:
        model: MuJoCo's MjModel, whose cameras are narrowed to `CROP`; one that nobody else draws.
        fast: without shadows, reflections, sky and multisampling; False: as MuJoCo draws by default.
    """

    def __init__(self, model: Any, *, fast: bool = True) -> None:
        import mujoco

        self._gl, self._mujoco, self._model = _context(), mujoco, model
        for number in range(model.ncam):
            _narrow(model, number)
        model.vis.global_.offwidth = model.vis.global_.offheight = LARGEST
        if fast:
            # Read when the context is made, and never after.
            model.vis.quality.offsamples = model.vis.quality.shadowsize = 0
        self._gl.make_current()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        self._scene, self._options = mujoco.MjvScene(model, 1000), mujoco.MjvOption()
        if fast:
            for name in SLOW:
                self._scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{name}")] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED

    def picture(self, data: Any, camera: str, height: int, width: int) -> NDArray[np.uint8]:
        """The scene, uint8 [height, width, 3]. Rows come from the bottom, and the cameras hang upside down:
        as they come, they are the right way up."""
        if not 0 < height <= LARGEST or not 0 < width <= LARGEST:
            raise ValueError(f"expected 1 to {LARGEST} pixels a side, got {height}x{width}")
        mujoco, place = self._mujoco, self._mujoco.MjrRect(0, 0, width, height)
        number = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        self._camera.fixedcamid = number
        self._gl.make_current()
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        mujoco.mjv_updateScene(
            self._model, data, self._options, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL, self._scene
        )
        mujoco.mjr_render(place, self._scene, self._context)
        pixels = np.zeros((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, place, self._context)
        return pixels

    def close(self) -> None:
        """Free what the driver holds."""
        self._gl.make_current()
        self._context.free()


def _narrow(model: Any, number: int) -> None:
    half = math.tan(math.radians(float(model.cam_fovy[number])) / 2)
    model.cam_fovy[number] = 2 * math.degrees(math.atan(half * CROP))
