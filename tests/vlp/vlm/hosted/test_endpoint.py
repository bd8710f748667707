"""Questions to a server with real sockets: what is read, what is asked again, and every way it may fail."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest

from tasks.tabletop.language.subgoals import BOARD
from vlp.errors import ModelError, ModelSwitched, UsageError
from vlp.vlm.hosted.budget import Budget, CallLimits
from vlp.vlm.hosted.endpoint import Endpoint
from vlp.vlm.hosted.endpoint_config import EndpointConfig
from vlp.vlm.hosted.fakes import Body, ChatServer, Send, digit_chances, reply, send_status, send_well
from vlp.vlm.hosted.hosted import HostedConfig, HostedVLM

KEY = "sk-very-secret-0123456789"
GOAL = "group the blocks by color"
KINDS = ("red_star", "blue_cube", "red_moon", "green_star")
FRAME = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
GOOD = ["push the red star next to the red moon", "push the blue cube to the top left corner"]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def said(request: Body) -> str:
    """The words of a question."""
    return str(request["messages"][-1]["content"][-1]["text"])


def pictures(request: Body) -> int:
    return len(request["messages"][-1]["content"]) - 1


def sensible(request: Body) -> Body:
    """Answers as a good model would, without log-probabilities, and as many choices as asked for."""
    text = said(request)
    if "steps_to_go" in text:
        answer: Any = {"steps_to_go": [40 + 10 * k for k in range(pictures(request))]}
    elif "digit" in text:
        return reply(" ".join("3" * pictures(request)))
    elif "reached" in text:
        answer = {"reached": True, "why": "they lie so"}
    else:
        answer = {"subgoals": GOOD}
    return reply(*[json.dumps(answer)] * request.get("n", 1))


def hosted(
    server: ChatServer, *, deadline: float = 20.0, limits: CallLimits | None = None, **config: Any
) -> HostedVLM:
    endpoint = Endpoint(
        EndpointConfig(model="fake", url=server.url, deadline=deadline), Budget(limits or CallLimits())
    )
    return HostedVLM(endpoint, BOARD.seen_by(lambda frames: [KINDS] * len(frames)), HostedConfig(**config))


def proposed(vlm: HostedVLM, n: int = 2) -> list[str]:
    (found,) = vlm.propose(FRAME[None], GOAL, [()], n, seed=5)
    return [proposal.text for proposal in found]


# -- faults --------------------------------------------------------------------------------------------


def first(fault: Send, times: int = 1) -> Send:
    """That fault the first times, then as it should be."""
    return lambda handler, body, number: (fault if number < times else send_well)(handler, body, number)


def status(code: int, message: str = "no", **headers: str) -> Send:
    error = json.dumps({"error": {"message": message}}).encode()
    return lambda handler, body, number: send_status(handler, code, error, **headers)


def reset(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
    """The connection is torn down before a byte of the reply."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def hang(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
    time.sleep(3)
    send_well(handler, body, number)


def drip(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
    """A byte a second: no pause is long enough for a time-out of reading."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for byte in body[:4]:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(1)
    handler.wfile.write(body[4:])


def truncated(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
    """Fewer bytes than announced."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def instead(change: Callable[[dict[str, Any]], Any]) -> Send:
    """A reply that is sent well and is not what it should be."""

    def send(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        found = change(json.loads(body))
        send_well(handler, found if isinstance(found, bytes) else json.dumps(found).encode(), number)

    return send


def saying(text: str) -> Send:
    return instead(lambda body: reply(text))


def huge(body: dict[str, Any]) -> bytes:
    return json.dumps(reply(json.dumps({"subgoals": GOOD}) + " " * 10_000_000)).encode()


@dataclass(frozen=True)
class Case:
    """A fault and what must come of it."""

    fault: Send
    error: str | None = None
    """Part of the ModelError; None: it is answered all the same."""
    requests: int | None = None
    deadline: float = 20.0


CASES = {
    "429 with Retry-After": Case(first(status(429, Retry_After="1")), requests=2),
    "429 for an hour": Case(status(429, Retry_After="3600"), "status 429", 1),
    "500 once": Case(first(status(500)), requests=2),
    "500 for ever": Case(status(500), "within 1 s, got none", deadline=1.0),
    "reset once": Case(first(reset), requests=2),
    "reset for ever": Case(reset, "within 1 s, got none", deadline=1.0),
    "hang": Case(hang, "within 1 s, got none", deadline=1.0),
    "a byte a second": Case(drip, "within 1 s, got none", deadline=1.0),
    "malformed JSON": Case(instead(lambda body: b'{"choices": [}'), "no chat completion", 3),
    "truncated JSON": Case(truncated, "broke off", 3),
    "truncated once": Case(first(truncated), requests=2),
    "prose": Case(saying("I would push the red star."), "expected subgoals as JSON", 3),
    "wrong schema": Case(saying('{"subgoals": "push the red star up"}'), "expected subgoals as JSON", 3),
    "wrong schema once": Case(first(saying('{"plan": []}')), requests=2),
    "10 MB": Case(instead(huge), "larger than 1,000,000 bytes", 3),
    "empty choices": Case(instead(lambda body: {**body, "choices": []}), "no choices", 3),
    "no choices": Case(instead(lambda body: {"object": "error"}), "no chat completion", 3),
    "null content": Case(instead(lambda body: reply(None)), "it is empty", 3),  # type: ignore[arg-type]
    "cut off": Case(
        instead(lambda body: {"choices": [{**body["choices"][0], "finish_reason": "length"}]}), "cut off", 3
    ),
    "half a choice": Case(instead(lambda body: {"choices": [{"message": {"content": 5}}]}), "no chat", 3),
    "a refusal that repeats the key": Case(
        instead(lambda body: {"choices": [{"message": {"refusal": f"no {KEY}"}}]}), "refused: no ***", 3
    ),
    "a wrong key": Case(status(401, f"incorrect key {KEY}"), "a refused key", 1),
    "no such model": Case(status(404, f"no model for {KEY}"), "no such model", 1),
}


def hold(case: Case, fault: Send) -> None:
    """That what must come of a case does; `fault` is the case's own, or none to see that this can fail."""
    with ChatServer(sensible, fault) as server:
        vlm = hosted(server, deadline=case.deadline)
        if case.error is None:
            assert proposed(vlm) == GOOD
        else:
            try:
                found = proposed(vlm)
            except ModelError as error:
                assert case.error in str(error) and "\n" not in str(error)
                assert KEY not in str(error)
            else:
                raise AssertionError(f"expected an error, got {found}")
        if case.requests is not None:
            assert len(server.requests) == case.requests


@pytest.mark.parametrize("name", CASES)
def test_a_fault_has_its_outcome(name: str) -> None:
    hold(CASES[name], CASES[name].fault)


@pytest.mark.parametrize("name", CASES)
def test_without_the_fault_that_test_fails(name: str) -> None:
    with pytest.raises(AssertionError):
        hold(CASES[name], send_well)


def test_retry_after_is_waited_for() -> None:
    with ChatServer(sensible, first(status(429, Retry_After="1"))) as server:
        proposed(hosted(server))
        assert server.times[1] - server.times[0] >= 1.0


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = EndpointConfig(model="fake", url=f"http://127.0.0.1:{port}/v1", deadline=1.0)
    vlm = HostedVLM(
        Endpoint(config, Budget(CallLimits())), BOARD.seen_by(lambda frames: [KINDS] * len(frames))
    )
    with pytest.raises(ModelError, match=r"got none|no connection"):
        proposed(vlm)


# -- proposals -----------------------------------------------------------------------------------------


def test_what_is_asked() -> None:
    with ChatServer(sensible) as server:
        assert proposed(hosted(server)) == GOOD
        (request,) = server.requests
    assert server.keys == [f"Bearer {KEY}"]
    assert request["model"] == "fake" and request["seed"] == 5
    assert request["response_format"]["json_schema"]["name"] == "subgoals"
    picture = request["messages"][-1]["content"][0]["image_url"]["url"]
    assert picture.startswith("data:image/png;base64,")
    assert GOAL in said(request) and "red star, blue cube, red moon, green star" in said(request)


def test_unknown_blocks_are_mended_once_then_dropped() -> None:
    wrong = "push the yellow star to the top left corner"

    def answers(request: Body) -> Body:
        if "can't be carried out" in said(request):
            return reply(json.dumps({"subgoals": [GOOD[0], wrong]}))
        return reply(json.dumps({"subgoals": [wrong, "bake a cake", GOOD[1]]}))

    with ChatServer(answers) as server:
        vlm = hosted(server, rounds=1)
        assert proposed(vlm) == [GOOD[1], GOOD[0]]
        first_question, mend = map(said, server.requests)
    assert "can't be carried out" not in first_question
    assert '"bake a cake": expected an instruction for one push' in mend
    assert f'"{wrong}": expected a name that is unique on the table' in mend
    (note,) = vlm.notes()
    assert (note.what, note.text) == ("dropped", wrong)
    assert "the table holds red star, blue cube, red moon, green star" in note.reason
    assert vlm.notes() == []


def test_it_is_asked_again_until_enough_distinct_ones_came() -> None:
    others = iter([[GOOD[0], GOOD[0].upper()], [GOOD[0]], [GOOD[1]]])
    with ChatServer(lambda request: reply(json.dumps({"subgoals": next(others)}))) as server:
        assert proposed(hosted(server)) == GOOD
        assert len(server.requests) == 3
        assert f"Already suggested; say others: {GOOD[0]}" in said(server.requests[1])


def test_it_is_not_asked_for_ever() -> None:
    with ChatServer(lambda request: reply(json.dumps({"subgoals": GOOD[:1]}))) as server:
        assert proposed(hosted(server), n=4) == GOOD[:1]
        assert len(server.requests) == 3


def test_every_beam_is_asked_for_with_its_history() -> None:
    with ChatServer(sensible) as server:
        found = hosted(server).propose(np.stack([FRAME] * 3), GOAL, [(), (GOOD[0],), ()], 2, seed=1)
        assert [len(row) for row in found] == [2, 2, 2]
        assert sum(f"Already done to get to this picture: {GOOD[0]}" in said(r) for r in server.requests) == 1
        assert len({request["seed"] for request in server.requests}) == 3


# -- steps to go ---------------------------------------------------------------------------------------


def test_steps_are_the_expected_digit_where_chances_are_told() -> None:
    even = {"2": np.log(0.5), " 4": np.log(0.25), "4": np.log(0.125), "x": np.log(0.125)}
    chances = digit_chances([even, {" ": -0.1}, {"0": -1e-6}])
    with ChatServer(lambda request: reply("2 0", logprobs=chances)) as server:
        found = hosted(server).steps_to_go(np.stack([FRAME] * 2), GOAL)
        (request,) = server.requests
    assert request["logprobs"] is True and request["top_logprobs"] == 20 and "response_format" not in request
    share = 0.375 / 0.875
    assert found.mean == pytest.approx([40 * (2 * (1 - share) + 4 * share), 0.0])
    assert found.spread == pytest.approx([80 * (share * (1 - share)) ** 0.5, 0.0], abs=1e-3)


def test_steps_are_the_mean_of_samples_where_none_are_told() -> None:
    numbers = iter([[10.0, 20.0], [20.0, 20.0], [30.0, 20.0]])

    def answers(request: Body) -> Body:
        if "digit" in said(request):
            return reply("3 3")
        return reply(*[json.dumps({"steps_to_go": next(numbers)}) for _ in range(request["n"])])

    with ChatServer(answers) as server:
        vlm = hosted(server)
        found = vlm.steps_to_go(np.stack([FRAME] * 2), GOAL)
        assert len(server.requests) == 2 and server.requests[1]["n"] == 3
        numbers = iter([[1.0]] * 3)
        vlm.steps_to_go(FRAME[None], GOAL)
        assert len(server.requests) == 3, "a server without log-probabilities is not asked for them twice"
    assert found.mean == pytest.approx([20.0, 20.0]) and found.spread == pytest.approx(
        [(200 / 3) ** 0.5, 0.0]
    )


def test_fewer_choices_than_asked_for_are_asked_for_again() -> None:
    def one_choice(request: Body) -> Body:
        return {**sensible(request), "choices": sensible(request)["choices"][:1]}

    with ChatServer(one_choice) as server:
        vlm = hosted(server)
        vlm.steps_to_go(FRAME[None], GOAL)
        asked = [request.get("n", 1) for request in server.requests]
        assert asked == [1, 3, 1, 1], "digits, three choices of which one came, and the two that lacked"
        assert len({request.get("seed") for request in server.requests[1:]}) == 3
        vlm.steps_to_go(FRAME[None], GOAL)
        assert [request.get("n", 1) for request in server.requests[4:]] == [1, 1, 1]


@pytest.mark.parametrize(
    "text",
    ["[1, 2]", "[-1]", "[NaN]", "[Infinity]", "[1e9]", '["soon"]', "[]", "null", "[[1]]"],
)
def test_numbers_that_can_be_no_steps_are_not_taken(text: str) -> None:
    with ChatServer(lambda request: reply(f'{{"steps_to_go": {text}}}')) as server:
        vlm = hosted(server)
        with pytest.raises(ModelError, match="usable reply"):
            vlm.steps_to_go(FRAME[None], GOAL)


def test_several_pictures_a_question_where_it_is_allowed() -> None:
    frames = np.stack([FRAME] * 10)
    with ChatServer(sensible) as server:
        found = hosted(server, pictures=4, samples=1).steps_to_go(frames, GOAL)
        assert sorted(map(pictures, server.requests[3:])) == [2, 4, 4]
    assert found.mean.tolist() == [40, 50, 60, 70, 40, 50, 60, 70, 40, 50]


def test_one_picture_a_question_where_it_is_not() -> None:
    def only_one(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        if pictures(server.requests[number]) > 1:
            status(400, "at most 1 image may be given")(handler, body, number)
        else:
            send_well(handler, body, number)

    with ChatServer(sensible, only_one) as server:
        vlm = hosted(server, samples=1)
        found = vlm.steps_to_go(np.stack([FRAME] * 3), GOAL)
    assert found.mean.tolist() == [40, 40, 40] and not vlm.account()["can"]["several_pictures"]


def test_one_usable_answer_of_several_is_kept() -> None:
    def one_bad(request: Body) -> Body:
        good = json.dumps({"steps_to_go": [40]})
        return reply(*[good, "no idea", good][: request.get("n", 1)])

    with ChatServer(one_bad) as server:
        found = hosted(server).steps_to_go(FRAME[None], GOAL)
        asked = [request.get("n", 1) for request in server.requests]
    assert found.mean.tolist() == [40.0] and asked == [1, 3, 1]


def test_after_an_unusable_reply_it_is_asked_in_another_way() -> None:
    with ChatServer(lambda request: reply("no idea")) as server:
        with pytest.raises(ModelError):
            hosted(server).success(FRAME, GOAL)
        asked = [(request["seed"], request["temperature"]) for request in server.requests]
    assert len(set(asked)) == 3 and asked[0][1] == 0.0 and asked[1][1] > 0.0


def test_a_model_that_chats_where_digits_are_wanted_is_asked_for_json() -> None:
    def chats(request: Body) -> Body:
        if "digit" in said(request):
            return reply("Well, 3 or 4!", logprobs=digit_chances([{"3": -0.1}, {"4": -0.1}]))
        return sensible(request)

    with ChatServer(chats) as server:
        assert hosted(server).steps_to_go(FRAME[None], GOAL).mean.tolist() == [40.0]


def test_scores_of_two_kinds_are_never_mixed_in_one_search() -> None:
    """Digits first, and then no longer: the search is to begin anew."""
    gone = iter([False, True])

    def forgets(request: Body) -> Body:
        if "digit" in said(request) and not next(gone):
            return reply("3", logprobs=digit_chances([{"3": -0.1}]))
        return sensible(request)

    with ChatServer(forgets) as server:
        vlm = hosted(server)
        assert vlm.steps_to_go(FRAME[None], GOAL).mean.tolist() == [120.0]
        with pytest.raises(ModelSwitched):
            vlm.steps_to_go(FRAME[None], GOAL)
        assert vlm.steps_to_go(FRAME[None], GOAL).mean.tolist() == [40.0]


# -- what a server can do ------------------------------------------------------------------------------


@pytest.mark.parametrize("feature", ["response_format", "seed", "temperature", "max_tokens", "n"])
def test_a_feature_that_is_refused_is_not_asked_for_again(feature: str) -> None:
    def picky(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        if feature in server.requests[number]:
            status(422, f"Unexpected fields in the request: {{'{feature}'}}")(handler, body, number)
        else:
            send_well(handler, body, number)

    with ChatServer(sensible, picky) as server:
        vlm = hosted(server)
        assert proposed(vlm) == GOOD
        assert vlm.steps_to_go(FRAME[None], GOAL).mean.tolist() == [40.0]
        refused = sum(feature in request for request in server.requests)
        assert refused <= 2, "a schema is refused twice: as such, and as any JSON"
        before = len(server.requests)
        proposed(vlm)
        assert len(server.requests) == before + 1


def test_log_probabilities_may_be_forbidden() -> None:
    """As OpenAI's reasoning models do, with the status of a wrong key."""

    def forbids(handler: BaseHTTPRequestHandler, body: bytes, number: int) -> None:
        if "logprobs" in server.requests[number]:
            status(403, "You are not allowed to request logprobs from this model")(handler, body, number)
        else:
            send_well(handler, body, number)

    with ChatServer(sensible, forbids) as server:
        assert hosted(server).steps_to_go(FRAME[None], GOAL).mean.tolist() == [40.0]


def test_a_server_that_says_no_to_everything_is_given_up() -> None:
    with ChatServer(sensible, status(400, "no")) as server, pytest.raises(ModelError, match="status 400"):
        proposed(hosted(server))


def test_success_is_read() -> None:
    with ChatServer(sensible) as server:
        assert hosted(server).success(FRAME, GOAL).reached


# -- budget --------------------------------------------------------------------------------------------


def test_the_budget_counts_and_is_told() -> None:
    with ChatServer(sensible) as server:
        vlm = hosted(server, limits=CallLimits(calls=9, price=(1.0, 5.0), cost=0.01))
        proposed(vlm)
        spent = vlm.account()["spent"]
    assert spent == {
        "calls": 1, "tokens_given": 100, "tokens_answered": 10, "cost": 0.00015, "estimated": False,
    }  # fmt: skip
    assert vlm.spent() == "1 of 9 calls, 110 tokens, 0.0001 of 0.01 dollars"


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (CallLimits(calls=2), "2 calls"),
        (CallLimits(tokens=3000), "3,000 tokens"),
        (CallLimits(cost=0.005, price=(1.0, 10.0)), "0.005 dollars"),
    ],
)
def test_the_budget_holds(limits: CallLimits, most: str) -> None:
    with ChatServer(lambda request: reply(json.dumps({"subgoals": GOOD[:1]}), usage=(900, 100))) as server:
        vlm = hosted(server, limits=limits)
        with pytest.raises(ModelError, match=f"stay within {most}"):
            for _ in range(10):
                proposed(vlm, n=1)
        budget = vlm.account()["spent"]
        assert len(server.requests) == budget["calls"] == 2
        assert budget["tokens_given"] + budget["tokens_answered"] == 2000


def test_a_limit_of_tokens_holds_where_pictures_cost_far_more_than_thought() -> None:
    """The first question tells what a picture takes before others are asked at the same time."""

    def dear(request: Body) -> Body:
        return {**sensible(request), "usage": {"prompt_tokens": 25_000, "completion_tokens": 10}}

    with ChatServer(dear) as server:
        vlm = hosted(server, limits=CallLimits(tokens=60_000))
        with pytest.raises(ModelError, match="stay within 60,000 tokens"):
            vlm.propose(np.stack([FRAME] * 8), GOAL, [()] * 8, 2, seed=1)
        assert len(server.requests) == 2, "of the third it is known that it would be too much"


def test_what_a_server_does_not_tell_is_guessed_and_said_to_be() -> None:
    with ChatServer(lambda request: reply(json.dumps({"subgoals": GOOD}), usage=None)) as server:
        vlm = hosted(server)
        proposed(vlm)
    assert vlm.account()["spent"]["estimated"] and vlm.account()["spent"]["tokens_given"] > 800
    assert "about" in vlm.spent()


@pytest.mark.parametrize(
    "limits", [{"calls": 0}, {"tokens": 0}, {"cost": 1.0}, {"cost": -1.0, "price": (1.0, 1.0)}]
)
def test_a_budget_that_makes_no_sense(limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected"):
        CallLimits(**limits)


# -- where it is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["", "ftp://x/v1", "http://", "127.0.0.1:80", "http://me:pw@host/v1", "http://[::1"]
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(UsageError) as error:
        EndpointConfig(model="m", url=url)
    assert "pw" not in str(error.value)


@pytest.mark.parametrize("wrong", ["sk-one\nsk-two", "sk-\u201cquoted\u201d", "sk one", "sk-\x00"])
def test_a_key_that_is_none_is_refused_and_not_shown(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"OPENAI_API_KEY": wrong})
    with pytest.raises(UsageError) as error:
        Endpoint(EndpointConfig(model="m", url="http://127.0.0.1:1/v1"), Budget(CallLimits()))
    assert "sk" not in str(error.value)


def test_the_address_is_not_the_environment_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/elsewhere")
    endpoint = Endpoint(EndpointConfig(model="m"), Budget(CallLimits()))
    assert str(endpoint._client().base_url) == "https://api.openai.com/v1/"


def test_a_key_is_needed_for_openai_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        Endpoint(EndpointConfig(model="m"), Budget(CallLimits()))
