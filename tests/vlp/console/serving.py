"""The console as a process of its own, and a browser that looks at it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Error, Page, expect, sync_playwright

from tests.forked import Forks, Process

SMALL: Final = (
    "--seed", "1000002", "--beams", "1", "--language-branches", "2", "--video-branches", "2",
    "--device", "cpu",
)  # fmt: skip
PATIENCE: Final = 120_000.0
"""Milliseconds; a machine may be slow."""
QUIET: Final = (
    "--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Served:
    """A console that runs."""

    url: str
    token: str
    process: Process

    @property
    def base(self) -> str:
        """Its address without the token."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def client(self, **headers: str) -> httpx.Client:
        """A client with the token."""
        return httpx.Client(
            base_url=self.base, headers={"authorization": f"Bearer {self.token}", **headers}, timeout=60
        )


@contextmanager
def served(forks: Forks, environment: dict[str, str], root: Path, *options: str) -> Iterator[Served]:
    """`vlp serve` on a port that is free."""
    command = ("serve", "--port", "0", "--json", *SMALL, "--out", str(root), *options)
    process = forks.begin(*command, folder=Path.cwd(), environment=environment)
    try:
        said = json.loads(process.first_line())
        yield Served(said["url"], said["token"], process)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def browser_page(url: str) -> Iterator[Page]:
    """A page of a headless browser at this address; an error in the page is one of the test."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no browser: {error.message.splitlines()[0]}; see `make browser`")
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.set_default_timeout(PATIENCE)
        page.goto(url, wait_until="domcontentloaded")
        yield page
        assert not broken
        browser.close()
