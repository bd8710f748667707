"""Video files by PyAV: H.264 of small frames is written, whatever FFmpeg decodes is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

PixelFormat = Literal["yuv420p", "yuv444p"]

_OPTIONS: Final = {
    "crf": "12",
    "preset": "veryfast",
    # A key frame a second: a reader decodes at most one second before the frame it wants.
    "forced-idr": "1",
    # A frame's packet leaves the encoder with that frame, so what is written of a video that is
    # broken off is whole up to there.
    "tune": "zerolatency",
    "bf": "0",
}
_ALONE: Final[dict[str, Any]] = {"threads": 1} if int(av.__version__.split(".")[0]) >= 17 else {}
"""PyAV converts pixels in threads since version 17, which are begun for every frame: of small frames, on a
busy machine, that takes forty times as long as the conversion."""


class VideoFileError(Exception):
    """A video cannot be written or read: says what was expected, what was got, what to do."""


class VideoWriter:
    """Writes frames one after another; the file is playable once it is closed.

    Args:
        path: the file, replaced if it is there.
        height, width: pixels; "yuv420p" wants them even.
        fps: frames per second, constant; a Fraction where they are not whole.
        pixel_format: "yuv420p" plays in every browser; "yuv444p" keeps the colour of each pixel.

    Raises:
        VideoFileError: the file cannot be opened, or its size does not suit the pixel format.
    """

    def __init__(
        self,
        path: Path,
        *,
        height: int,
        width: int,
        fps: int | Fraction,
        pixel_format: PixelFormat = "yuv420p",
    ) -> None:
        if pixel_format == "yuv420p" and (height % 2 or width % 2):
            raise VideoFileError(
                f"expected frames of even height and width, got {height}x{width}; "
                'crop them or use pixel_format="yuv444p"'
            )
        self.path = path
        self.frames = 0
        self._shape = (height, width, 3)
        self._period = 1 / Fraction(fps)
        try:
            self._container = av.open(str(path), "w", format="mp4")
        except OSError as error:
            raise VideoFileError(
                f"expected a file that can be written, got {path}: {error.strerror}"
            ) from error
        options = {**_OPTIONS, "g": str(max(1, round(fps)))}
        self._stream = self._container.add_stream("libx264", rate=fps, options=options)
        self._stream.height, self._stream.width, self._stream.pix_fmt = height, width, pixel_format
        self._stream.codec_context.time_base = self._period
        # Small frames: more threads cost more than they bring.
        self._stream.codec_context.thread_count = 1
        self._open = True

    def write(self, frames: NDArray[np.uint8]) -> None:
        """Append frames; the first of them becomes a key frame, so that a reader can start there.

        Args:
            frames: uint8 [T, H, W, 3].
        """
        if frames.ndim != 4 or frames.shape[1:] != self._shape or frames.dtype != np.uint8:
            raise VideoFileError(
                f"expected uint8 frames [T, {', '.join(map(str, self._shape))}], "
                f"got {frames.dtype} {list(frames.shape)}; convert or resize them"
            )
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = self.frames, self._period
            if number == 0:
                frame.pict_type = PictureType.I
            # Counted first: when the write is broken off here, later frames keep their own time.
            self.frames += 1
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left and the file's index; a second call does nothing."""
        if not self._open:
            return
        self._open = False
        try:
            if self.frames:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_video(
    path: Path, frames: NDArray[np.uint8], fps: int | Fraction, *, pixel_format: PixelFormat = "yuv420p"
) -> None:
    """Write one H.264 mp4.

    Args:
        path: the file, replaced if it is there.
        frames: uint8 [T, H, W, 3], T >= 1.
        fps: frames per second.
        pixel_format: see `VideoWriter`.

    Raises:
        VideoFileError: wrong frames, or the file cannot be written.
    """
    if frames.ndim != 4 or len(frames) == 0:
        raise VideoFileError(f"expected frames uint8 [T, H, W, 3] with T >= 1, got {list(frames.shape)}")
    _, height, width, _ = frames.shape
    with VideoWriter(path, height=height, width=width, fps=fps, pixel_format=pixel_format) as video:
        video.write(frames)


def read_video(path: Path) -> NDArray[np.uint8]:
    """Decode a whole video.

    Returns:
        uint8 [T, H, W, 3].

    Raises:
        VideoFileError: no such file, or not a video.
    """
    with _opened(path) as (container, stream):
        frames = [_pixels(frame) for frame in container.decode(stream)]
        if not frames:
            raise VideoFileError(f"expected at least 1 frame in {path}, got 0; write it again")
        return np.stack(frames)


def read_frames(
    path: Path,
    times: NDArray[np.float64],
    *,
    tolerance: float,
    fit: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda pixels: pixels,
) -> NDArray[np.uint8]:
    """Decode the frames that a video shows at given times, whatever rate or duration it states.

    Args:
        times: seconds [T], T >= 1, rising by more than twice the tolerance.
        tolerance: seconds that a frame may be off.
        fit: brings each frame to another size as soon as it is decoded.

    Returns:
        uint8 [T, H, W, 3].

    Raises:
        VideoFileError: no such file, not a video, a time without a frame, or a frame too many between the
            first time and the last.
    """
    found: list[NDArray[np.uint8]] = []
    with _opened(path) as (container, stream):
        for time, frame in _shown_from(container, stream, float(times[0])):
            if time < times[0] - tolerance:
                continue
            if time > times[-1] + tolerance:
                break
            if len(found) == len(times) or time < times[len(found)] - tolerance:
                raise VideoFileError(
                    f"expected one frame for each of {len(times)} steps from {times[0]:.3f} s of {path}, got "
                    f"another at {time:.3f} s; a frame is there twice: write it again"
                )
            if time > times[len(found)] + tolerance:
                break
            found.append(fit(_pixels(frame)))
        if len(found) < len(times):
            raise VideoFileError(
                f"expected {len(times)} frames from {times[0]:.3f} s of {path}, got none at "
                f"{times[len(found)]:.3f} s; a frame is missing: write it again"
            )
        return np.stack(found)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Raises VideoFileError, also for what goes wrong in the block."""
    try:
        with av.open(str(path)) as container:
            yield container, container.streams.video[0]
    except (OSError, av.error.FFmpegError, IndexError, ValueError) as error:
        raise VideoFileError(f"expected a video file, got {path}: {error}; write it again") from error


def _shown_from(
    container: InputContainer, stream: VideoStream, time: float
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Frames and their seconds, from the key frame before `time` on."""
    base = stream.time_base
    if base is None:
        raise ValueError("it has no times")
    if time > 0 and _begins(container, stream, time) > time:
        time = 0  # Some files are cut at other frames than their index says.
    container.seek(int(time / base), stream=stream)
    for frame in container.decode(stream):
        if frame.pts is None:
            raise ValueError("a frame has no time")
        yield float(frame.pts * base), frame


def _begins(container: InputContainer, stream: VideoStream, time: float) -> float:
    """Seconds of the first frame that a search for `time` finds."""
    assert stream.time_base is not None
    try:
        container.seek(int(time / stream.time_base), stream=stream)
        first = next(container.decode(stream), None)
    except (OSError, av.error.FFmpegError):
        first = None
    return math.inf if first is None or first.pts is None else float(first.pts * stream.time_base)


def _pixels(frame: av.VideoFrame) -> NDArray[np.uint8]:
    return np.asarray(frame.to_ndarray(format="rgb24", **_ALONE), dtype=np.uint8)
