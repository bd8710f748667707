"""A dataset's frames, actions and words as flat arrays on disk, which training reads at random."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.data.layout import DatasetError
from video.latent.exposure import Exposure, mean_colors
from video.latent.growing import GrowingArray

if TYPE_CHECKING:
    from tasks.data.footage import Footage

FRAMES: Final = "frames.npy"
ABOUT: Final = "about.json"
ACTIONS: Final = "actions.npz"


class Kept(Protocol):
    """What keeps pictures, or what is seen in them, as they come."""

    def add(self, rows: NDArray[np.uint8]) -> None:
        """Pictures [N, H, W, 3]."""

    def close(self) -> None:
        """All are there."""


class NoPictures:
    """In the place of frames [F, H, W, 3] of which the latents alone are kept."""

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, ...], folder: Path) -> None:
        self.shape, self._folder = shape, folder

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        raise self.error()

    def error(self) -> DatasetError:
        """For whoever needs them."""
        return DatasetError(
            f"expected pictures in {self._folder}, got what an autoencoder saw in them alone, as a training "
            "that begins from weights keeps it; give another --cache"
        )


@dataclass(frozen=True, eq=False)
class FrameStore:
    """F frames of E episodes, one episode after another."""

    frames: NDArray[np.uint8]
    """[F, H, W, 3]."""
    actions: NDArray[np.float32]
    """[F, A]; 0 where an episode has none."""
    acted: NDArray[np.bool_]
    """[F] whether the frame's episode has actions."""
    start: NDArray[np.int64]
    """[E] first frame; stop: [E] one past the last."""
    stop: NDArray[np.int64]
    success: NDArray[np.bool_]
    """[E] whether the episode reached its task; True where the dataset does not say."""
    text: NDArray[np.int64]
    """[F, 2] which of `texts` is the frame's subgoal (the task where there is none) and its task."""
    texts: tuple[str, ...]
    fps: float
    exposure: Exposure | None = None
    """Of the pictures; None where it was not measured."""

    def __len__(self) -> int:
        return len(self.frames)

    def ends(self) -> NDArray[np.int64]:
        """[F, 2] one past the last frame of the subgoal that a frame belongs to, and of its episode."""
        episode = np.repeat(self.stop, self.stop - self.start)
        changes = np.flatnonzero(np.diff(self.text[:, 0]) != 0) + 1
        last = np.unique(np.concatenate([changes, self.stop]))
        return np.stack([last[np.searchsorted(last, np.arange(len(self)), side="right")], episode], 1)


def pack(
    roots: Sequence[Path],
    folder: Path,
    *,
    camera: str | None = None,
    report: Callable[[str], None] = print,
    see: Callable[[], Kept] | None = None,
    pictures: bool = True,
) -> FrameStore:
    """Decode LeRobotDatasets once into `folder`; kept if it is there already.

    Args:
        roots: the datasets.
        folder: of the store.
        camera: as for `read_footage`.
        report: is told how it goes.
        see: makes what keeps the pictures, if they are packed now; None: they are kept as they are, which
            takes three times the disk of their latents.
        pictures: whether they are needed.

    Raises DatasetError for datasets that are damaged, empty, or differ in size, rate or width of actions, and
    for a folder that holds others, or another camera's pictures, or none where they are needed.
    """
    asked = {"datasets": [str(root.resolve()) for root in roots], "camera": camera}
    if not (folder / ABOUT).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _Packing(folder, report, see).run(roots, asked)
    _check(folder, asked)
    store = load(folder)
    if pictures and isinstance(store.frames, NoPictures):
        raise store.frames.error()
    return store


def _check(folder: Path, asked: Mapping[str, Any]) -> None:
    """Raises DatasetError where a folder was packed from something else: training goes on there."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    for name, wanted in asked.items():
        if about.get(name) != wanted:
            raise DatasetError(
                f"expected {folder} to hold {name} {wanted}, got {about.get(name)}; "
                "give another --cache for other data"
            )


def load(folder: Path) -> FrameStore:
    """Open what `pack` wrote; the frames stay on disk. Raises DatasetError for an older version's."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    with np.load(folder / ACTIONS) as data:
        columns = {name: data[name] for name in data.files}
    if "success" not in columns:
        raise DatasetError(f"expected a store of this version in {folder}, got an older one; delete it")
    shape = about.get("seen")
    frames: Any = NoPictures(tuple(shape), folder) if shape else np.load(folder / FRAMES, mmap_mode="r")
    return FrameStore(
        frames=frames, texts=tuple(about["texts"]), fps=float(about["fps"]),
        exposure=Exposure.read(about.get("exposure")), **columns,
    )  # fmt: skip


class _Packing:
    """One pass, after which it is known how many frames there are."""

    def __init__(self, folder: Path, report: Callable[[str], None], see: Callable[[], Kept] | None) -> None:
        self._folder, self._report, self._see = folder, report, see
        self._texts: dict[str, int] = {}
        self._lengths: list[int] = []
        self._actions: list[NDArray[np.float32] | None] = []
        self._text: list[NDArray[np.int64]] = []
        self._success: list[bool] = []
        self._colors: list[NDArray[np.float64]] = []
        self._shape: tuple[int, ...] | None = None
        self._fps: float | None = None

    def run(self, roots: Sequence[Path], asked: Mapping[str, Any]) -> None:
        from tasks.data.footage import read_footage  # needs what a machine that only trains has not

        with closing(GrowingArray(self._folder / FRAMES) if self._see is None else self._see()) as kept:
            for root in roots:
                for footage in read_footage(root, asked["camera"]):
                    self._add(footage, root)
                    kept.add(footage.rgb)
                    if len(self._lengths) % 50 == 0:
                        self._report(f"{len(self._lengths)} episodes, {sum(self._lengths)} frames decoded")
        if self._shape is None:
            raise DatasetError(f"expected episodes in {roots[0]}, got none; give another dataset")
        total = sum(self._lengths)
        np.savez(self._folder / ACTIONS, **self._columns(total))
        about: dict[str, Any] = {"texts": list(self._texts), "fps": self._fps, **asked}
        about["exposure"] = Exposure.measured(np.concatenate(self._colors)).as_dict()
        if self._see is not None:
            about["seen"] = [total, *self._shape]
        (self._folder / ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")

    def _add(self, footage: Footage, root: Path) -> None:
        shape, length = footage.rgb.shape[1:], len(footage.rgb)
        if self._shape not in (None, shape) or self._fps not in (None, footage.fps):
            raise DatasetError(
                f"expected frames of {self._shape} at {self._fps} a second as before, got {shape} at "
                f"{footage.fps} in {root}; train on datasets of one camera"
            )
        self._shape, self._fps = shape, footage.fps
        task = self._texts.setdefault(footage.task, len(self._texts))
        subgoals = footage.subgoals or (footage.task,) * length
        own = [self._texts.setdefault(text, len(self._texts)) for text in subgoals]
        self._text.append(np.stack([np.array(own), np.full(length, task)], 1))
        self._lengths.append(length)
        self._success.append(footage.success)
        self._colors.append(mean_colors(footage.rgb))
        self._actions.append(footage.actions)

    def _columns(self, total: int) -> dict[str, Any]:
        widths = {a.shape[1] for a in self._actions if a is not None}
        if len(widths) > 1:
            raise DatasetError(f"expected actions of one width, got {sorted(widths)}; train on them apart")
        stop = np.cumsum(self._lengths)
        actions = np.zeros((total, widths.pop() if widths else 1), np.float32)
        acted = np.zeros(total, bool)
        for own, end in zip(self._actions, stop, strict=True):
            if own is not None:
                actions[end - len(own) : end], acted[end - len(own) : end] = own, True
        start = stop - self._lengths
        return {
            "actions": actions,
            "acted": acted,
            "start": start,
            "stop": stop,
            "success": np.array(self._success),
            "text": np.concatenate(self._text),
        }
