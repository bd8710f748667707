"""`vlp export`: a run for other programs' viewers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from vlp.errors import FolderError, UsageError
from vlp.process import stdout_for_result


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a run as a recording that the Rerun viewer plays: camera, clips, tree, actions, steps-to-go."""

    uses_torch: ClassVar[bool] = False

    run_folder: Positional[Path]
    """The folder of the run."""
    rerun: Annotated[Path, arg(metavar="FILE")]
    """The recording, such as run.rrd; open it with: rerun FILE."""

    def run(self) -> int:
        """Raises UsageError where the extra is not installed, FolderError for a folder without a run, and for
        a file that is there or can't be written."""
        if not (self.run_folder / "events.jsonl").is_file():
            raise FolderError(
                f"run folder: expected one that vlp run left, got {str(self.run_folder)!r} without "
                "events.jsonl; name such a folder"
            )
        if self.rerun.exists():
            raise FolderError(
                f"rerun: expected a new file, got {str(self.rerun)!r} which is there; name another one"
            )
        if not self.rerun.absolute().parent.is_dir():
            raise FolderError(
                f"rerun: expected a file in a folder that is there, got {str(self.rerun)!r}; make the folder"
            )
        if find_spec("rerun") is None:
            raise UsageError(
                "export: expected the package rerun-sdk, got none; "
                "pip install 'video-language-planner[rerun]'"
            )
        self._write()
        print(f"{self.rerun}: open it with: rerun {self.rerun}")
        return 0

    def _write(self) -> None:
        """The file is there when it is whole, not before."""
        from tasks.data.video_file import VideoFileError
        from vlp.events.types import read_events

        part = self.rerun.with_name(f".{self.rerun.name}.part")
        try:
            with stdout_for_result():
                from vlp.record.rerun_export import export

                export(self.run_folder, read_events(self.run_folder / "events.jsonl"), part)
            part.rename(self.rerun)
        except (ValueError, KeyError, VideoFileError) as error:
            raise FolderError(
                f"run folder: expected a run that can be read, got {error}; choose another run"
            ) from error
        finally:
            part.unlink(missing_ok=True)
