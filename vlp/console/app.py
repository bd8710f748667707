"""The console's web server: one page, its parts, pictures, and what an operator may do."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import numpy as np
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape
from numpy.typing import NDArray
from PIL import Image
from sse_starlette import EventSourceResponse, ServerSentEvent

from executors.safety.faults import one_line
from vlp.console import views
from vlp.console.access import Access
from vlp.console.action_routes import add_actions
from vlp.console.desk import Desk, Topic
from vlp.console.picture_routes import add_pictures
from vlp.console.runner import Runner
from vlp.domains.base import domain
from vlp.errors import UsageError, VlpError
from vlp.settings import LIMITS

THREADS: Final = 4
"""That make parts of the page and take answers."""
HERE: Final = Path(__file__).parent
PARTS: Final = ("stopped", "status", "plan", "acted", "history")
LIVE: Final = (*PARTS, "camera")
"""Topics that a page is told of."""
BEAT: Final = 0.15
"""Seconds between looks at what has changed; robots step and models imagine in other threads."""


def application(runner: Runner, desk: Desk, *, token: str, port: int) -> Access:
    """The ASGI application of a runner and its desk."""
    app = FastAPI(
        title="video-language-planner", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_few_threads
    )
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.add_exception_handler(VlpError, _said)
    app.add_exception_handler(OSError, _said)
    app.add_exception_handler(RequestValidationError, _not_understood)
    _page(app, runner, desk)
    _live(app, desk)
    add_pictures(app, runner.root)
    add_actions(app, runner, desk)
    return Access(app, token=token, port=port)


@asynccontextmanager
async def _few_threads(app: FastAPI) -> AsyncIterator[None]:
    """Many threads that compute leave the one that answers no turn; what stops the robot has its own."""
    current_default_thread_limiter().total_tokens = THREADS
    yield


async def _said(request: Request, error: Exception) -> Response:
    """Errors of ours in one line."""
    return PlainTextResponse(str(error), 422 if isinstance(error, UsageError) else 409)


async def _not_understood(request: Request, error: Exception) -> Response:
    """What of a request is of another kind than expected, in one line."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": str(error)}
    place = ".".join(str(part) for part in first["loc"][1:])
    return PlainTextResponse(f"{place}: {first['msg'][:200]}, got {str(first.get('input'))!r:.40}", 422)


def _page(app: FastAPI, runner: Runner, desk: Desk) -> None:
    pages = Environment(
        loader=PackageLoader("vlp.console"),
        autoescape=True,  # an instruction may hold anything
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    pages.globals["wording"] = domain(runner.options.world).wording

    def rendered(name: str) -> str:
        """A part. One that can't be made says so: the others, and the stop, do not depend on its files."""
        try:
            values = views.part(name, desk, runner.root)
            made = pages.get_template(f"{name}.html.jinja").render(**values)
        except Exception as error:
            made = f'<p class="bad">this can\'t be shown: {escape(one_line(repr(error)))}</p>'
        return made.encode("utf-8", "replace").decode()

    @app.get("/")
    def page() -> HTMLResponse:
        parts = {name: rendered(name) for name in PARTS}
        found = pages.get_template("page.html.jinja").render(
            parts=parts, options=runner.options, scene=desk.scene, seeds=LIMITS["seed"]
        )
        return HTMLResponse(found)

    @app.get("/part/{name}")
    def one(name: str) -> HTMLResponse:
        if name not in PARTS:
            raise HTTPException(404)
        return HTMLResponse(rendered(name))


def _live(app: FastAPI, desk: Desk) -> None:
    @app.get("/events")
    async def events() -> EventSourceResponse:
        """The names of the parts that have changed; a browser keeps this one connection for all its pages."""

        async def changes() -> AsyncIterator[ServerSentEvent]:
            known: dict[Topic, int] = {}
            while True:
                now = dict(desk.versions)
                for topic, version in now.items():
                    if known.get(topic) != version and topic in LIVE:
                        yield ServerSentEvent(event=topic, data=str(version))
                known = now
                await asyncio.sleep(BEAT)

        return EventSourceResponse(changes())

    @app.get("/camera.jpg")
    def camera() -> Response:
        """What the robot saw last. Not an endless film: a browser has six connections for all its windows,
        and the one that stops the robot must be among those that are left."""
        if desk.frame is None:
            raise HTTPException(404, "expected a run that has begun")
        return Response(_jpeg(desk.frame), media_type="image/jpeg", headers={"cache-control": "no-store"})


def _jpeg(frame: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=90, subsampling=0)
    return buffer.getvalue()
