"""The console in a headless browser, with the bundled weights and the real simulator."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.forked import Forks
from tests.vlp.console.serving import browser_page, served

GOAL = "group the blocks by color"


def ask_for(page: Page, words: str) -> None:
    """By keyboard alone."""
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.press("Control+A")
    page.keyboard.type(words)
    for _ in range(4):  # the board, rules, how plans are approved, the button
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def waits(page: Page, decision: int) -> None:
    heading = page.get_by_role("heading", name=f"Plan of decision {decision} waits for you")
    expect(heading).to_be_visible()


def colours(page: Page) -> int:
    """How many colours the camera's picture has in the browser."""
    return int(
        page.evaluate("""() => {
        const camera = document.getElementById("camera"), canvas = document.createElement("canvas");
        canvas.width = camera.naturalWidth; canvas.height = camera.naturalHeight;
        const context = canvas.getContext("2d");
        context.drawImage(camera, 0, 0);
        const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
        for (let i = 0; i < bytes.length; i += 4) seen.add(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]);
        return seen.size;
    }""")
    )


def events_of(root: Path) -> tuple[Path, str]:
    (events,) = root.glob("*/events.jsonl")
    return events.parent, events.read_text()


def test_an_operator_rejects_approves_stops_and_goes_on(
    forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    with (
        served(forks, environment, root, "--rule", "never move the red moon") as console,
        browser_page(console.url) as page,
    ):
        expect(page.get_by_text("always: never move the red moon")).to_be_visible()
        ask_for(page, "make me a sandwich")
        expect(page.get_by_role("alert")).to_contain_text("expected words that I know")
        ask_for(page, "push the red moon to the top left corner")
        expect(page.locator("#status")).to_contain_text("asks to move the red moon")
        for old in root.glob("*/events.jsonl"):
            old.parent.rename(tmp_path / old.parent.name)

        ask_for(page, GOAL)
        waits(page, 1)
        assert colours(page) > 100
        first = page.locator("tr.in-the-plan input[name=node]").first
        expect(first).to_be_checked()
        node = first.input_value()
        page.locator("h1").click()
        page.keyboard.press("r")  # nothing is rejected without a reason
        expect(page.locator("#words")).to_be_focused()
        page.keyboard.type("too near the edge")
        page.keyboard.press("Enter")
        waits(page, 2)
        expect(page.locator(f"tr:has(input[value='{node}'])").first).to_contain_text("too near the edge")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("a")
        expect(page.locator("#acted figure").first).to_be_visible()
        page.keyboard.press("Escape")
        history = page.locator("#history tbody tr").filter(has_text=GOAL)
        expect(history).to_contain_text("the robot is stopped: stopped by the operator")
        run, said = events_of(root)
        assert f'"rejected":{{"{node}":"too near the edge"}}' in said
        assert '"approved by the operator at the console"' in said and '"kind":"acted"' in said

        history.get_by_role("button", name="Arm again").click()
        history.get_by_role("button", name="Go on").click()
        page.locator("#end").click()
        expect(history).to_contain_text("finished")
        assert json.loads((run / "result.json").read_text())["reason"] == "ended by the operator"
        with page.expect_popup() as popup:
            history.get_by_role("link", name="report").click()
        expect(popup.value.get_by_role("heading", name=GOAL)).to_be_visible()
        assert popup.value.locator("img").first.evaluate("picture => picture.naturalWidth") > 0


def test_a_stop_gets_through_whatever_else_is_open(
    forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    """A browser has six connections for all windows of a server; ours share one."""
    with served(forks, environment, tmp_path / "runs") as console, browser_page(console.url) as page:
        ask_for(page, GOAL)
        waits(page, 1)
        others = []
        for _ in range(7):
            with page.expect_popup() as popup:
                page.evaluate("() => { window.open('/'); }")
            others.append(popup.value)
            waits(popup.value, 1)
        page.bring_to_front()
        page.locator("#approve").click()
        expect(page.locator("#status .acting")).to_be_visible()
        others[-1].bring_to_front()
        others[-1].locator("#stop").click()
        others[0].bring_to_front()  # a window that is not seen asks for nothing
        expect(others[0].locator("#history tbody tr")).to_contain_text("the robot is stopped")


def test_a_plan_that_waits_outlives_the_server(
    forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    with served(forks, environment, root) as console, browser_page(console.url) as page:
        ask_for(page, GOAL)
        waits(page, 1)
        shown = page.locator(".film li").all_inner_texts()
        ask_for(page, GOAL)
        expect(page.get_by_role("alert")).to_contain_text("expected no run to be under way")
        console.process.kill()
        console.process.wait()
    run, _ = events_of(root)
    before = [path.read_bytes() for path in sorted(run.glob("decisions/01/*.png"))]
    with served(forks, environment, root) as console, browser_page(console.url) as page:
        page.get_by_role("button", name="Go on").click()
        waits(page, 1)
        assert page.locator(".film li").all_inner_texts() == shown
        assert [path.read_bytes() for path in sorted(run.glob("decisions/01/*.png"))] == before
        page.locator("#approve").click()
        expect(page.locator("#acted figure").first).to_be_visible()
        expect(page.locator("#status dd").nth(1)).to_have_text(re.compile("[1-9]"))
