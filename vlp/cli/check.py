"""`vlp check`: what a training would see of a dataset, and every problem with its episode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tyro.conf import Positional, arg

from vlp.errors import FolderError, UsageError
from vlp.plain import one_line

if TYPE_CHECKING:
    from tasks.data.inspection import Inspection

FAILED = 1
"""Exit code of a dataset that nothing is trained on."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """Look at a LeRobotDataset (v3.0, v2.1) as a training would: what is in it, a contact sheet, and every
    problem with its episode. Nothing is trained on a dataset that fails."""

    uses_torch: ClassVar[bool] = False

    dataset: Positional[Annotated[Path, arg(metavar="DATASET")]]
    """The folder."""
    camera: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """By feature name or its end; several with commas, to be seen side by side."""
    size: Annotated[str | None, arg(metavar="HxW", help_behavior_hint="")] = None
    """Pixels of the whole picture, multiples of 8; else as recorded where that can be learned from."""
    sheet: Annotated[Path, arg(metavar="PATH")] = Path("check.png")
    """Where the contact sheet is written."""
    json: bool = False
    """Print what was found as one line of JSON."""

    def run(self) -> int:
        """The exit code: 0 where the dataset can be trained on. Raises FolderError and UsageError."""
        from tasks.data.layout import DatasetError
        from vlp.train.seen import inspected, training_view

        if self.sheet.suffix.lower() != ".png":
            raise UsageError(f"sheet: expected a name that ends in .png, got {self.sheet}; choose one")
        try:
            view = training_view(self.dataset, self.camera, self.size)
        except DatasetError as error:
            raise FolderError(f"dataset: {error}") from error
        found = inspected(self.dataset, view)
        if found.samples:
            self._write(found)
        if self.json:
            print(json.dumps(report(found) | {"sheet": str(self.sheet) if found.samples else None}))
        else:
            for line in [*in_words(self.dataset, found), f"sheet {self.sheet if found.samples else 'none'}"]:
                name, _, text = line.partition(" ")
                print(f"{name:10} {one_line(text)}")
        return 0 if found.good else FAILED

    def _write(self, found: Inspection) -> None:
        from vlp.record.contact_sheet import contact_sheet
        from vlp.record.filmstrip import write_png

        self.sheet.parent.mkdir(parents=True, exist_ok=True)
        write_png(self.sheet, contact_sheet(found.samples))


def report(found: Inspection) -> dict[str, Any]:
    """Ready for JSON."""
    about, motion = found.about, found.motion
    return {
        "good": found.good,
        "version": about and about.version,
        "fps": about and about.fps,
        "episodes": len(found.lengths),
        "frames": sum(found.lengths.values()),
        "cameras": [one.name for one in about.known] if about else [],
        "seen": str(found.view),
        "size": found.size,
        "actions": None if motion is None or about is None else [
            {"name": name, "low": low, "high": high, "step": step} for name, low, high, step in _axes(found)
        ],
        "tasks": dict(found.tasks.most_common()),
        "subtasks": dict(found.subtasks.most_common()),
        "successes": found.successes[True],
        "failures": found.successes[False],
        "problems": [{"episode": one.episode, "text": one.text} for one in found.problems],
        "remarks": [{"episode": one.episode, "text": one.text} for one in found.remarks],
    }  # fmt: skip


def _axes(found: Inspection) -> list[tuple[str, float, float, float]]:
    """Name, lowest, highest, furthest step of each number of the actions."""
    assert found.motion is not None and found.about is not None
    numbers = [getattr(found.motion, name).tolist() for name in ("low", "high", "step")]
    names = found.about.action_names or tuple(map(str, range(len(numbers[0]))))
    return list(zip(names, *numbers, strict=True))


def in_words(root: Path, found: Inspection) -> list[str]:
    """Lines for a person, what each is about first."""
    about = found.about
    lines = [f"dataset {root}" + (f", LeRobotDataset {about.version}" if about else "")]
    if about is not None:
        lines += _contents(found)
    lines += [f"remark: {one}" for one in found.remarks]
    lines += [f"problem: {one}" for one in found.problems]
    count = len(found.problems)
    verdict = (
        "it can be trained on"
        if found.good
        else f"{count} problem{'s' * (count > 1)}: nothing is trained on it"
    )
    return [*lines, f"verdict {verdict}"]


def _contents(found: Inspection) -> list[str]:
    about, lengths = found.about, list(found.lengths.values())
    assert about is not None
    span = f" of {min(lengths)} to {max(lengths)} frames" if lengths else ""
    minutes = sum(lengths) / about.fps / 60
    lines = [
        f"episodes {len(lengths)}{span}; {sum(lengths)} frames at {about.fps:g} a second, {minutes:.1f} min"
    ]
    for one in about.known:
        size = f"{one.size[0]}x{one.size[1]}" if one.size else "a size that is not said"
        how = one.codec or ("video" if one.filmed else "pictures in parquet")
        seen = ", seen" if one in about.cameras else ""
        lines.append(f"camera {one.name}: {size}, {how}{seen}")
    if found.size is not None:
        lines.append(f"picture {found.size[0]}x{found.size[1]} as a training sees it")
    if found.motion is not None:
        lines += [
            f"action {name}: {low:.4g} to {high:.4g}, at most {step:.4g} a step"
            for name, low, high, step in _axes(found)
        ]
    lines += _texts("task", found.tasks) + (_texts("subtask", found.subtasks) or ["subtask none are told"])
    yes, no = found.successes[True], found.successes[False]
    lines.append(f"success {yes} yes, {no} no, {found.successes[None]} not said")
    return lines


def _texts(kind: str, texts: Any, most: int = 12) -> list[str]:
    lines = [f"{kind} {text} ({count} episodes)" for text, count in texts.most_common(most)]
    return lines + ([f"{kind} and {len(texts) - most} more"] if len(texts) > most else [])
