"""Every key of the console, and Enter in each of its fields, in a headless browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import APIResponse, Page, Request, Route, expect

from tests.vlp.console.serving import browser_page
from tests.vlp.console.staged import Stage, staged
from vlp.agent.approval import Answer

FIELDS = "input:not([type=hidden]), textarea, select"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("keys") / "runs") as stage:
        yield stage


@pytest.fixture(scope="module")
def opened(stage: Stage) -> Iterator[Page]:
    stage.ask(1)
    with browser_page(stage.url) as page:
        yield page


@pytest.fixture
def page(stage: Stage, opened: Page) -> Page:
    """A page that shows a plan of its own, which waits."""
    if stage.desk.scene.waits:
        stage.desk.answer("staged", stage.desk.scene.waits, Answer.stop("the test before is over"))
    while not stage.answers.empty() or stage.desk.scene.waits:
        stage.answers.get(timeout=30)
    number = stage.desk.scene.decision + 1
    stage.ask(number)
    opened.goto(stage.base, wait_until="domcontentloaded")
    shown(opened, stage, number)
    opened.locator("h1").click()
    return opened


def shown(page: Page, stage: Stage, decision: int = 0) -> None:
    heading = f"Plan of decision {decision or stage.desk.scene.waits} waits for you"
    expect(page.get_by_role("heading", name=heading)).to_be_visible()


def sent(page: Page, stage: Stage) -> list[str]:
    """What the page has sent since the last look that may change something; a page that went elsewhere is
    such a thing."""
    found: list[str] = []

    def told(request: Request) -> None:
        if request.method != "GET" or request.is_navigation_request():
            found.append(f"{request.method} {request.url.removeprefix(stage.base)} {request.post_data}")

    page.on("request", told)
    return found


def settle(page: Page) -> None:
    """What the page has sent before is known after this."""
    assert page.evaluate("() => fetch('/part/status').then((answer) => answer.status)") == 200


def waits_still(stage: Stage, decision: int) -> bool:
    return stage.answers.empty() and stage.desk.scene.waits == decision


def test_enter_in_a_field_does_nothing(page: Page, stage: Stage) -> None:
    decision, requests = stage.desk.scene.waits, sent(page, stage)
    fields = page.locator(FIELDS)
    names = [field.get_attribute("name") for field in fields.all()]
    assert {"instruction", "seed", "rules", "approve", "name", "words", "node"} <= set(names)
    for number, name in enumerate(names):
        field = fields.nth(number)
        field.focus()
        if name in ("instruction", "words", "name", "rules"):
            page.keyboard.type("aaa group the blocks by color")
        for key in ("Enter", "NumpadEnter", "Shift+Enter", "Control+Enter"):
            page.keyboard.press(key)
        page.keyboard.down("Enter")
        page.keyboard.down("Enter")  # held
        page.keyboard.up("Enter")
        settle(page)
        assert not requests, f"Enter in {name}"
    assert waits_still(stage, decision)
    assert not page.locator("form").locator(FIELDS).count(), "forms are those of the stops alone"


def test_enter_on_the_page_does_nothing(page: Page, stage: Stage) -> None:
    decision, requests = stage.desk.scene.waits, sent(page, stage)
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
        page.keyboard.press("Enter")
    page.locator("h1").click()
    page.keyboard.press("Enter")
    settle(page)
    assert not requests and waits_still(stage, decision)


@pytest.mark.parametrize("key", ["r", "e"])
def test_after_r_enter_rejects_and_after_e_it_edits(page: Page, stage: Stage, key: str) -> None:
    page.keyboard.press("j")
    node = int(page.locator("input[name=node]:checked").input_value())
    page.keyboard.press(key)
    expect(page.locator("#words")).to_be_focused()
    page.keyboard.press("Enter")  # nothing is said yet
    page.keyboard.type("push the red moon to the blue cube")
    page.keyboard.press("Enter")
    answer = stage.answers.get(timeout=60)
    words = "push the red moon to the blue cube"
    assert answer == (Answer.reject({node: words}) if key == "r" else Answer.edit(node, words))
    approves_by_key(page, stage)


def approves_by_key(page: Page, stage: Stage) -> None:
    """The next plan is answered by its key, as soon as the page knows that the answer before has arrived."""
    stage.ask(stage.desk.scene.decision + 1)
    shown(page, stage)
    page.wait_for_function("() => !answering")
    page.keyboard.press("a")
    assert stage.answers.get(timeout=60) == Answer.approve("the operator at the console")


def test_keys_count_when_the_next_plan_comes_before_the_answer_is_known(page: Page, stage: Stage) -> None:
    """The button that was pressed is gone by then, and htmx says nothing to a page about such a one."""
    waiting: list[tuple[Route, APIResponse]] = []

    def late(route: Route) -> None:
        answered = route.fetch()
        stage.answers.get(timeout=60)
        stage.ask(stage.desk.scene.decision + 1)
        waiting.append((route, answered))

    following = stage.desk.scene.decision + 1
    page.route("**/answer", late)
    page.keyboard.press("r")
    page.keyboard.type("push the red moon to the blue cube")
    page.keyboard.press("Enter")
    shown(page, stage, following)
    route, answered = waiting.pop()
    assert page.evaluate("() => answering")
    route.fulfill(response=answered)
    page.unroute("**/answer")
    page.wait_for_function("() => !answering")
    page.keyboard.press("a")
    assert stage.answers.get(timeout=60) == Answer.approve("the operator at the console")


def test_a_button_counts_from_the_moment_that_it_is_drawn(page: Page, stage: Stage) -> None:
    page.evaluate("""() => document.body.addEventListener("htmx:afterSwap", (event) => {
        if (event.detail.target.id !== "plan") return;
        queueMicrotask(() => document.getElementById("approve")?.click());
    })""")
    stage.desk.touch("plan")
    assert stage.answers.get(timeout=60) == Answer.approve("the operator at the console")


def test_enter_means_nothing_more_once_the_field_was_left(page: Page, stage: Stage) -> None:
    decision, requests = stage.desk.scene.waits, sent(page, stage)
    page.keyboard.press("r")
    page.keyboard.type("too near")
    page.locator("#answer [name=name]").click()
    page.locator("#words").click()
    page.keyboard.press("Enter")
    settle(page)
    assert not requests and waits_still(stage, decision)
    expect(page.get_by_role("alert")).to_contain_text("Enter does nothing here")


def test_enter_of_an_input_method_sends_nothing(page: Page, stage: Stage) -> None:
    """Enter that ends the composition of a character is none of ours."""
    decision, requests = stage.desk.scene.waits, sent(page, stage)
    page.keyboard.press("r")
    page.keyboard.type("x")
    page.evaluate("""() => document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", {key: "Enter", isComposing: true, bubbles: true, cancelable: true}))""")
    settle(page)
    assert not requests and waits_still(stage, decision)


def test_a_approves_once(page: Page, stage: Stage) -> None:
    """A key that is held repeats, and the next plan is not the one that was meant."""
    page.keyboard.down("a")
    assert stage.answers.get(timeout=60) == Answer.approve("the operator at the console")
    stage.ask(stage.desk.scene.decision + 1)
    shown(page, stage)
    requests = sent(page, stage)
    for _ in range(3):
        page.keyboard.down("a")
    page.keyboard.up("a")
    settle(page)
    assert not requests and waits_still(stage, stage.desk.scene.decision)


def test_p_picks_the_branch_that_is_chosen(page: Page, stage: Stage) -> None:
    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    node = int(page.locator("input[name=node]:checked").input_value())
    page.keyboard.press("p")
    assert stage.answers.get(timeout=60) == Answer.pick(node)


def test_letters_in_a_field_are_no_keys(page: Page, stage: Stage) -> None:
    decision, requests = stage.desk.scene.waits, sent(page, stage)
    for name in ("words", "name", "instruction", "rules"):
        page.locator(f"[name={name}]").focus()
        page.keyboard.type("apre jk/")
    settle(page)
    assert not requests and waits_still(stage, decision)
    page.locator("h1").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("/")
    expect(page.locator("[name=instruction]")).to_be_focused()
    assert not requests


def test_a_plan_that_is_drawn_again_keeps_what_was_written(page: Page, stage: Stage) -> None:
    """As after a connection that was lost."""
    page.keyboard.press("j")
    node = int(page.locator("input[name=node]:checked").input_value())
    page.keyboard.press("r")
    page.keyboard.type("a reason")
    with page.expect_response("**/part/plan"):
        stage.desk.touch("plan")
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")
    expect(page.locator("#words")).to_have_value("a reason")
    page.keyboard.type(" apart")
    page.keyboard.press("Enter")
    assert stage.answers.get(timeout=60) == Answer.reject({node: "a reason apart"})


def test_letters_of_a_reason_are_no_keys_when_its_field_is_gone(page: Page, stage: Stage) -> None:
    decision = stage.desk.scene.waits
    page.keyboard.press("r")
    page.keyboard.type("too ne")
    stage.desk.answer("staged", decision, Answer.pick(0))  # by someone else
    expect(page.locator("#words")).to_have_count(0)
    stage.answers.get(timeout=60)
    stage.ask(decision + 1)
    shown(page, stage)
    requests = sent(page, stage)
    page.keyboard.type("ar the edge")
    page.keyboard.press("Enter")
    settle(page)
    assert not requests and waits_still(stage, decision + 1)
    page.locator("h1").click()
    page.keyboard.press("a")
    assert stage.answers.get(timeout=60) == Answer.approve("the operator at the console")


def test_a_plan_that_takes_the_place_of_another_has_no_button_in_focus(page: Page, stage: Stage) -> None:
    decision = stage.desk.scene.waits
    page.locator("#approve").focus()
    page.route("**/part/plan", lambda route: None)  # the page does not see the time between
    stage.desk.answer("staged", decision, Answer.pick(0))
    stage.answers.get(timeout=60)
    stage.ask(decision + 1)
    page.unroute("**/part/plan")
    stage.desk.touch("plan")
    page.evaluate("() => htmx.trigger('#plan', 'htmx:abort')")
    stage.desk.touch("plan")
    shown(page, stage)
    requests = sent(page, stage)
    page.keyboard.press("Enter")
    settle(page)
    assert not requests and waits_still(stage, decision + 1)


def test_escape_stops_from_every_field(page: Page, stage: Stage) -> None:
    page.route("**/stop", lambda route: route.fulfill(status=204))  # the plan goes on waiting
    for field in page.locator(FIELDS).all():
        field.focus()
        with page.expect_request("**/stop") as request:
            page.keyboard.press("Escape")
        assert request.value.method == "POST"
    page.unroute("**/stop")
