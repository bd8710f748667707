"""Routes of pictures, films and reports of the runs of a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, Response

from vlp.console import pictures
from vlp.console.history import run_of
from vlp.record.decision import Decision

REPORT_POLICY: Final = (
    "default-src 'none'; img-src data:; media-src data: 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'none'"
)


DRAWING: Final = CapacityLimiter(2)
"""Threads that draw, whatever is asked for: each takes time from those that answer and stop."""


async def _drawn(draw: Callable[[], bytes | None]) -> bytes | None:
    """A picture; None where its files do not give one."""
    try:
        return await run_sync(draw, limiter=DRAWING)
    except pictures.DAMAGED:
        return None


def add_pictures(app: FastAPI, root: Path) -> None:
    """The routes."""

    def decision_of(name: str, number: int) -> Decision:
        if (found := pictures.decision(run_of(root, name), number)) is None:
            raise HTTPException(404, "expected a decision of this run")
        return found

    def there(picture: bytes | None, kind: str) -> Response:
        if picture is None:
            raise HTTPException(404, "expected a picture that is there")
        return Response(picture, media_type=kind, headers={"cache-control": "private, max-age=3600"})

    def acted_of(name: str, number: int, index: int) -> bytes | None:
        found = pictures.acted(run_of(root, name), number)
        return pictures.side_by_side(found[index - 1]) if 1 <= index <= len(found) else None

    @app.get("/runs/{name}/decisions/{number}/branches/{node}.png")
    async def branch(name: str, number: int, node: int) -> Response:
        found = await _drawn(lambda: pictures.branch(decision_of(name, number), node))
        return there(found, "image/png")

    @app.get("/runs/{name}/decisions/{number}/plan.mp4")
    async def film(name: str, number: int) -> Response:
        return there(await _drawn(lambda: pictures.film(decision_of(name, number))), "video/mp4")

    @app.get("/runs/{name}/decisions/{number}/acted/{index}.png")
    async def acted(name: str, number: int, index: int) -> Response:
        return there(await _drawn(lambda: acted_of(name, number, index)), "image/png")

    @app.get("/runs/{name}/report.html")
    def report(name: str) -> Response:
        if not (page := run_of(root, name) / "report.html").is_file():
            raise HTTPException(404, "expected a run that has ended")
        return FileResponse(page, headers={"content-security-policy": REPORT_POLICY})

    @app.get("/runs/{name}/execution.mp4")
    def execution(name: str) -> Response:
        return moved(name, "execution.mp4")

    @app.get("/runs/{name}/film.mp4")
    def large(name: str) -> Response:
        return moved(name, "film.mp4")

    def moved(name: str, film: str) -> Response:
        if not (video := run_of(root, name) / film).is_file():
            raise HTTPException(404, "expected a run that moved")
        return FileResponse(video)
