"""What is read of a reply: the answer, wherever a model or server put it, and nothing that was not meant."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.vlp.vlm.hosted.test_endpoint import FRAME, GOAL, GOOD, hosted, proposed, said, sensible, status
from vlp.errors import ModelError
from vlp.vlm.digits import NoChances, digits_of
from vlp.vlm.hosted.completion import Choice, Complaint, UnusableReply, completion
from vlp.vlm.hosted.fakes import Body, ChatServer, digit_chances, reply, send_well
from vlp.vlm.hosted.found import objects
from vlp.vlm.hosted.replies import Subgoals, Success, json_reply, steps_of
from vlp.vlm.hosted.words import one_line, words

ANSWER = '{"subgoals": ["b"]}'
DRAFT = '{"subgoals": ["a"]}'


def choice(message: Any, **more: Any) -> Choice:
    """As it comes out of an HTTP body."""
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop", **more}]}).encode()
    return completion(body).choices[0]


MESSAGES: dict[str, Any] = {
    "alone": {"content": ANSWER},
    "in a fence": {"content": f"Here it is:\n```json\n{ANSWER}\n```\nGood luck {{}}!"},
    "a draft in a think block": {"content": f"<think>perhaps {DRAFT}, or {{x</think>\n{ANSWER}"},
    "a draft in prose": {"content": f"I first thought of {DRAFT}. Better: {ANSWER}"},
    "twice": {"content": ANSWER + "\n" + ANSWER},
    "a brace in prose": {"content": "The set {red, blue} matters. " + ANSWER},
    "another kind of object after it": {"content": ANSWER + ' {"confidence": 0.9}'},
    "wrapped": {"content": f'{{"answer": {ANSWER}}}'},
    "with more in it": {"content": '{"why": "so", "subgoals": ["b"]}'},
    "lines broken in a string": {"content": '{"why": "so\nit is", "subgoals": ["b"]}'},
    "a list of parts": {
        "content": [{"type": "text", "text": ANSWER[:9]}, {"type": "text", "text": ANSWER[9:]}]
    },
    "parts of other kinds": {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]},
            {"type": "output_text", "text": {"value": ANSWER}},
            None,
        ]
    },
    "an object for a text": {"content": {"subgoals": ["b"]}},
    "a thought beside it": {"content": ANSWER, "reasoning_content": DRAFT},
    "reasoning_content alone": {"content": None, "reasoning_content": f"{DRAFT}, no: {ANSWER}"},
    "reasoning alone": {"content": "", "reasoning": ANSWER},
    "a thinking part alone": {"content": [{"type": "thinking", "thinking": ANSWER}]},
    "all within the think block": {"content": f"<think>{DRAFT} {ANSWER}</think>"},
    "a channel": {
        "content": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|channel|>final<|message|>{ANSWER}"
    },
    "a refusal that is none": {"content": ANSWER, "refusal": {"no": 1}, "tool_calls": "?", "role": 5},
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_answer_is_found(name: str) -> None:
    assert json_reply(Subgoals)(choice(MESSAGES[name])).subgoals == ["b"]


@pytest.mark.parametrize(
    ("message", "more", "why"),
    [
        ({"content": f"<think>{DRAFT}"}, {"finish_reason": "length"}, "cut off"),
        ({"content": DRAFT}, {"finish_reason": "MAX_TOKENS"}, "cut off"),
        ({"content": None, "reasoning_content": DRAFT}, {"finish_reason": "length"}, "cut off"),
        ({"content": None}, {}, "it is empty"),
        ({"content": None, "reasoning_content": [1, {"x": 2}]}, {}, "it is empty"),
        ({"content": [{"type": "refusal", "refusal": "I may not"}]}, {}, "refused: I may not"),
        ({"content": ""}, {"error": {"message": "Provider is out"}}, "the server says: Provider is out"),
        (None, {"error": {"message": "Provider is out"}}, "the server says: Provider is out"),
        ({"content": '{"subgoals": []}'}, {}, "subgoals: List should have"),
        ({"content": '{"subgoals": ["b"'}, {}, "no such object"),
        ({"content": f"<think>{DRAFT}</think>" + '{"subgoals": 5}'}, {}, "subgoals: "),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(message: Any, more: dict[str, Any], why: str) -> None:
    with pytest.raises(UnusableReply, match=why):
        json_reply(Subgoals)(choice(message, **more))


@pytest.mark.parametrize(
    ("content", "reached"),
    [
        ('{"reached": false, "if": {"reached": true}}', False),
        ('{"reached": false, "why": "not {\\"reached\\": true}"}', False),
        ('Were it so: {"reached": true}. It is: {"reached": false}', False),
        ('<think>{"reached": false}</think>{"reached": true}', True),
    ],
)
def test_the_last_object_that_is_right_is_the_judgement(content: str, reached: bool) -> None:
    assert json_reply(Success)(choice({"content": content})).reached is reached


def test_the_count_is_part_of_what_is_right() -> None:
    content = (
        'For one picture I would say {"steps_to_go": [1]}: {"steps_to_go": [2, 3]}. Or {"steps_to_go": [4]}'
    )
    assert steps_of(2)(choice({"content": content})).steps_to_go == [2, 3]
    with pytest.raises(UnusableReply, match="expected 3 numbers, one a picture, got 1"):
        steps_of(3)(choice({"content": content}))


@pytest.mark.parametrize(
    "hostile", ["{" * 500_000, '{"a":' * 200_000, '{"a":[1,' * 120_000, "{" + "9" * 6000]
)
def test_a_search_for_objects_ends(hostile: str) -> None:
    assert sum(1 for _ in objects(hostile, lambda value: False)) < 1000
    assert [*objects(hostile[:3000] + ANSWER, lambda value: "subgoals" in value)] == [{"subgoals": ["b"]}]


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        "?",
        [],
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": -1},
        {"prompt_tokens": 1e300, "completion_tokens": 1},
    ],
)
def test_a_count_of_tokens_that_is_none_costs_no_answer(usage: Any) -> None:
    with ChatServer(
        lambda request: {**reply(json.dumps({"subgoals": GOOD}), usage=None), "usage": usage}
    ) as server:
        vlm = hosted(server)
        assert proposed(vlm) == GOOD and len(server.requests) == 1
    assert vlm.account()["spent"]["estimated"]


@pytest.mark.parametrize("chances", [None, "?", {"content": "?"}, {"content": [{"token": 3}]}])
def test_chances_that_are_none_are_as_if_not_told(chances: Any) -> None:
    with pytest.raises(NoChances):
        digits_of(1)(choice({"content": "3"}, logprobs=chances))


def test_an_alternative_without_a_chance_has_none() -> None:
    chances: Any = digit_chances([{"3": np.log(0.5), "4": np.log(0.5)}])
    chances["content"][0]["top_logprobs"] += [{"token": "5", "logprob": None}, {"token": "6"}, None]
    (found,) = digits_of(1)(choice({"content": "3"}, logprobs=chances))
    assert found[[3, 4, 5, 6]].tolist() == pytest.approx([0.5, 0.5, 0.0, 0.0])


# -- an error in the place of a reply ------------------------------------------------------------------

ERRORS: list[tuple[Any, str]] = [
    ({"error": {"message": "quota is spent", "code": 429}}, "the server says: quota is spent"),
    (
        {"error": "Unexpected endpoint. Returning 200 anyway", "choices": None},
        "the server says: Unexpected end",
    ),
    ({"object": "error", "message": "no such lora"}, "no chat completion.*no such lora"),
    ({"detail": [{"loc": ["body"], "msg": "field required"}]}, "no chat completion.*field required"),
]


@pytest.mark.parametrize(("body", "why"), ERRORS)
def test_an_error_with_the_status_of_a_reply_is_told_in_the_server_s_words(body: Any, why: str) -> None:
    with ChatServer(lambda request: body) as server, pytest.raises(ModelError, match=why):
        proposed(hosted(server))


def test_a_page_in_the_place_of_a_reply_is_told() -> None:
    with pytest.raises(UnusableReply, match=r"no chat completion.*Sign in"):
        completion(b"<html><h1>Sign in</h1></html>")
    with pytest.raises(Complaint):
        completion(b'\xef\xbb\xbf{"error": "with a mark before it"}')


def test_a_feature_refused_with_the_status_of_a_reply_is_not_asked_for_again() -> None:
    def picky(request: Body) -> Body:
        if "response_format" in request:
            return {"error": "'response_format.type' is not known here"}
        return sensible(request)

    with ChatServer(picky) as server:
        vlm = hosted(server)
        assert proposed(vlm) == GOOD and not vlm.account()["can"]["json_schema"]


def test_what_a_server_names_only_in_the_body_is_given_up() -> None:
    """FastAPI puts the field beside the words."""

    def picky(handler: Any, body: bytes, number: int) -> None:
        if "seed" in server.requests[number]:
            detail = [{"loc": ["body", "seed"], "msg": "extra fields not permitted"}]
            handler.send_response(422)
            handler.send_header("Content-Length", str(len(text := json.dumps({"detail": detail}).encode())))
            handler.end_headers()
            handler.wfile.write(text)
        else:
            send_well(handler, body, number)

    with ChatServer(sensible, picky) as server:
        vlm = hosted(server)
        assert proposed(vlm) == GOOD
    can = vlm.account()["can"]
    assert not can["seed"] and can["json_schema"] and can["temperature"]


# -- models that think first ---------------------------------------------------------------------------


def thinks(tokens: int) -> Any:
    """Answers where it may use so many tokens, and is cut off in its thought where it may not."""

    def answers(request: Body) -> Body:
        if request["max_tokens"] >= tokens:
            return sensible(request)
        cut = {"message": {"content": None, "reasoning_content": DRAFT}, "finish_reason": "length"}
        return {"choices": [cut], "usage": {"prompt_tokens": 9, "completion_tokens": request["max_tokens"]}}

    return answers


@pytest.mark.parametrize(("tokens", "asked"), [(1, 1), (1500, 2), (12_000, 3)])
def test_a_model_that_thinks_first_gets_room_and_keeps_it(tokens: int, asked: int) -> None:
    with ChatServer(thinks(tokens)) as server:
        vlm = hosted(server)
        assert proposed(vlm) == GOOD and len(server.requests) == asked
        assert vlm.success(FRAME, GOAL).reached and len(server.requests) == asked + 1


def test_room_ends_where_the_server_s_does() -> None:
    """A window of 9,000 tokens is found by halves; what needs more is told to be cut off."""

    def window(handler: Any, body: bytes, number: int) -> None:
        if server.requests[number]["max_tokens"] > 9000:
            status(400, "'max_tokens' is too large: the model's context length is 9000")(
                handler, body, number
            )
        else:
            send_well(handler, body, number)

    for tokens in (7000, 20_000):
        with ChatServer(thinks(tokens), window) as server:
            vlm = hosted(server)
            if tokens == 7000:
                assert proposed(vlm) == GOOD
            else:
                with pytest.raises(ModelError, match="cut off"):
                    proposed(vlm)
            assert vlm.account()["can"]["max_tokens"], "the number was refused, not the parameter"
            assert len(server.requests) <= 5


def test_several_questions_cut_off_together_raise_the_limit_once() -> None:
    with ChatServer(thinks(1500)) as server:
        found = hosted(server).propose(np.stack([FRAME] * 4), GOAL, [()] * 4, 2, seed=1)
        asked = {request["max_tokens"] for request in server.requests}
    assert [len(row) for row in found] == [2] * 4 and len(asked) == 2 and max(asked) < 3000


def test_digits_are_not_thought_about() -> None:
    """Where digits are cut off it is asked for JSON, with room."""
    with ChatServer(thinks(1500)) as server:
        assert hosted(server, samples=1).steps_to_go(FRAME[None], GOAL).mean.tolist() == [40.0]
        digits = [request["max_tokens"] for request in server.requests if "digit" in said(request)]
    assert len(set(digits)) == 1


# -- words that are shown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steering",
    [
        "\x1b[31;1m",
        "\x1b]0;title\x07",
        "\x1b]8;;http://x\x1b\\",
        "\x9b2J",
        "\x1bc",
        "\x08",
        "\u202e",
        "\r\n",
        "\x00",
    ],
)
def test_what_could_steer_a_terminal_is_not_shown(steering: str) -> None:
    assert one_line(f"it {steering} failed") == "it failed"


@pytest.mark.parametrize(
    ("said_", "expected"),
    [
        ({"error": {"message": "m"}}, "m"),
        ({"error": "m"}, "m"),
        ({"message": "m", "code": 4}, "m"),
        ({"detail": [{"msg": "m"}, {"msg": "n"}]}, "m; n"),
        ('{"error": {"message": "m"}}', "m"),
        ({"error": {"message": None, "code": 7}}, '{"message": null, "code": 7}'),
        (None, ""),
    ],
)
def test_a_server_s_own_words(said_: object, expected: str) -> None:
    assert words(said_) == expected
