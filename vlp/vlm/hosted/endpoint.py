"""Questions to a server of OpenAI's chat completions, hosted or local, by the openai client.

The client retries what may pass (429 with its Retry-After, 5xx, broken connections) with jitter; here stands
what it lacks: one deadline over all of that, a largest reply, a budget, and asking again for a reply that
can't be used. Whatever goes wrong from making the client on is a ModelError.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openai

from vlp.errors import ModelError
from vlp.vlm.digits import NoChances
from vlp.vlm.hosted.budget import Budget, Tokens
from vlp.vlm.hosted.capabilities import Capabilities
from vlp.vlm.hosted.client import TRACE, Client, Server, Trace, unconnected, ways
from vlp.vlm.hosted.completion import Answer, Choice, Complaint, Completion, CutOff, UnusableReply, completion
from vlp.vlm.hosted.endpoint_config import KEY, EndpointConfig, api_key
from vlp.vlm.hosted.question import Question
from vlp.vlm.hosted.room import Room
from vlp.vlm.hosted.words import one_line, words


class SeveralPictures(ModelError):
    """The server does not take several pictures in one question."""


class Endpoint:
    """A model behind chat completions. One call at a time; its questions run side by side.

    Raises UsageError where a key is needed and the environment has none.
    """

    def __init__(self, config: EndpointConfig, budget: Budget) -> None:
        self.config, self.budget, self.can, self._room = config, budget, Capabilities(), Room()
        self._key = api_key(config.url)
        self._server = Server()

    def ask(self, questions: Sequence[Question[Answer]]) -> list[list[Answer]]:
        """The answers to each question, as many as it wants. Raises ModelError, within the deadline,
        or twice that where the first question goes alone, see `Budget.unknown`."""
        try:
            return list(_run(self._together, questions))
        except (ModelError, NoChances):
            raise
        except Exception as error:  # whatever a server, a proxy or a setting makes the libraries raise
            raise self._failed("an answer", f"{type(error).__name__} ({error})") from error

    async def _together(self, questions: Sequence[Question[Answer]]) -> list[list[Answer]]:
        gate = asyncio.Semaphore(self.config.at_once)
        async with self._client() as client:
            # Where tokens are limited, one question tells how many a picture takes before others spend them.
            first = [
                await self._answers(client, gate, question) for question in questions[: self.budget.unknown]
            ]
            tasks = [
                asyncio.create_task(self._answers(client, gate, question))
                for question in questions[len(first) :]
            ]
            try:
                return [*first, *await asyncio.gather(*tasks)]
            finally:  # where one failed, the others are not waited for
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _client(self) -> openai.AsyncOpenAI:
        """Raises ModelError where the environment's proxies or certificates are none."""
        try:
            http = Client(self.config.address, self._server)
            client = openai.AsyncOpenAI(
                api_key=self._key or "none",
                base_url=self.config.shown,
                default_query=dict(parse_qsl(urlsplit(self.config.address).query, keep_blank_values=True)),
                max_retries=10,
                timeout=self.config.deadline,
                http_client=http,
            )
        except Exception as error:
            raise self._failed(
                f"a way to {self.config.shown}",
                f"{type(error).__name__} ({error}); check {', '.join(ways()) or 'the URL'}",
            ) from error
        if self.config.url is not None:  # it is not OpenAI, and has no business with an account there
            client.organization = client.project = None
        return client

    async def _answers(
        self, client: openai.AsyncOpenAI, gate: asyncio.Semaphore, question: Question[Answer]
    ) -> list[Answer]:
        trace = Trace()
        TRACE.set(trace)
        try:
            async with asyncio.timeout(self.config.deadline), gate:
                return await self._until_had(client, question)
        except TimeoutError:
            last = f"; the last try: {trace.last}" if trace.last else f" from {self.config.shown}"
            raise self._failed(f"an answer within {self.config.deadline:g} s", f"none{last}") from None

    async def _until_had(self, client: openai.AsyncOpenAI, question: Question[Answer]) -> list[Answer]:
        """Ask until as many answers as wanted came: some servers give one choice whatever `n` says."""
        answers: list[Answer] = []
        unusable = 0
        while len(answers) < question.choices:
            room = self._room.extra
            try:
                reply = await self._reply(client, _varied(question, len(answers), unusable), len(answers))
                wanted = question.choices - len(answers)
                if len(reply.choices) < wanted and "n" in self.can:
                    self.can.give_up("n")
                answers += _read(question, reply.choices[:wanted])
            except NoChances:
                raise
            except UnusableReply as error:
                unusable += 1
                if isinstance(error, CutOff) and question.kind is not None:
                    self._room.grow(room)  # it thinks first; of a digit there is nothing to think about
                if unusable >= self.config.unusable:
                    raise self._given_up(question, unusable, error) from error
                await asyncio.sleep(0.1 * 2**unusable)
        return answers

    def _given_up(self, question: Question[Answer], unusable: int, error: UnusableReply) -> Exception:
        if question.kind is None:  # perhaps it can say in JSON what it can't in digits
            return NoChances(str(error))
        return self._failed("a usable reply", f"{unusable} that were not: {error}")

    async def _reply(self, client: openai.AsyncOpenAI, question: Question[Answer], had: int) -> Completion:
        """One reply, by whatever the server can do. Raises UnusableReply and ModelError."""
        while True:
            room = 0 if question.kind is None else self._room.extra
            asked = replace(question, most=question.most + room)
            request = self.can.request(
                n=question.choices - had,
                kind=question.kind,
                most=asked.most,
                temperature=question.temperature,
                seed=question.seed,
            )
            reserved = self.budget.reserve(asked.tokens(request.get("n", 1)))
            used, told = reserved, False  # where it is broken off, it may have been answered, and paid for
            try:
                reply = completion(await self._body(client, question, request))
                if reply.usage is not None:
                    used, told = Tokens(reply.usage.prompt_tokens, reply.usage.completion_tokens), True
                return reply
            except Complaint as error:  # some servers refuse with the status of an answer
                if not self._gave_up(str(error), request, room, guess=False):
                    raise
            except openai.APIStatusError as error:
                used, told = Tokens(0, 0), True  # refused
                self._give_up(error, request, room, len(question.frames))
            except openai.APIError as error:
                raise self._unreached(error) from error
            finally:
                self.budget.settle(reserved, used, told=told)

    async def _body(
        self, client: openai.AsyncOpenAI, question: Question[Answer], request: dict[str, Any]
    ) -> bytes:
        """The reply's bytes. Raises UnusableReply for too many of them and for a broken connection."""
        body = bytearray()
        async with client.chat.completions.with_streaming_response.create(
            model=self.config.model, messages=question.messages(), **request
        ) as response:
            try:
                async for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > self.config.largest:
                        raise UnusableReply(f"it is larger than {self.config.largest:,} bytes")
            except (UnusableReply, TimeoutError):
                raise
            except Exception as error:  # the client speaks through one of two libraries with own errors
                raise UnusableReply(f"it broke off ({type(error).__name__})") from error
        return bytes(body)

    def _give_up(
        self, error: openai.APIStatusError, request: dict[str, Any], room: int, pictures: int
    ) -> None:
        """Ask no more for what a server refused. Raises what it means where that is not a matter of
        parameters: NoChances, SeveralPictures, or ModelError where nothing is left to do without."""
        said = f"{error} {error.body}".lower()
        # OpenAI's reasoning models forbid log-probabilities with 403.
        forbidden = isinstance(error, openai.PermissionDeniedError) and "logprob" in said
        refused = isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError)
        several = refused and pictures > 1 and any(word in said for word in ("image", "picture"))
        if (refused or forbidden) and not several and self._gave_up(said, request, room):
            return
        failed = self._unreached(error)
        raise (SeveralPictures(str(failed)) if refused and pictures > 1 else failed) from error

    def _gave_up(self, said: str, request: dict[str, Any], room: int, *, guess: bool = True) -> bool:
        """Whether there is something that a server's complaint is about, which is not asked for any more.
        Raises NoChances where that is the chances."""
        if self._room.refused(said.lower(), room):
            return True
        given_up = self.can.refused(said, request, guess=guess)
        if given_up and "logprobs" in request and "logprobs" not in self.can:
            raise NoChances("the server refuses log-probabilities")
        return given_up

    def _unreached(self, error: openai.APIError) -> ModelError:
        said, where = words(error.body), self.config.shown
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                got = f"a refused key ({error.status_code}: {said}); set {KEY}"
            case openai.NotFoundError():
                versioned = "/v" in where.removeprefix("http").partition("://")[2]
                hint = "check both" if versioned else f"is it {where}/v1?"
                got = f"no such model or address ({error.status_code} from {where}: {said}); {hint}"
            case openai.APITimeoutError():
                got = f"none in time from {where}"
            case openai.APIConnectionError():
                got = f"{unconnected(error.__cause__ or error, self.config.address)} to {where}"
            case openai.APIStatusError() if error.response.is_redirect:
                aim = error.response.headers.get("location", "nowhere").partition("?")[0]
                got = f"status {error.status_code}, which leads to {aim}; give the URL that answers itself"
            case openai.APIStatusError():
                got = f"status {error.status_code} from {where} ({said})"
            case _:
                got = str(error)
        return self._failed("an answer", got)

    def _failed(self, expected: str, got: str) -> ModelError:
        return ModelError(
            f"VLM {self.config.model}: expected {expected}, got {self.clean(got)}; nothing moves; "
            "try again later, another --vlm, or --vlm-fallback"
        )

    def clean(self, text: str) -> str:
        """What a server said as one line that steers nothing, without the key, in case it repeats it."""
        said = one_line(text)
        said = said.replace(self._key, "***") if self._key else said
        return said if len(said) <= 300 else said[:297] + "..."


def _varied(question: Question[Answer], had: int, unusable: int) -> Question[Answer]:
    """The question as it is asked after so many answers and unusable replies: what takes a seed, or samples
    at no temperature, would only say the same again."""
    seed = question.seed
    if seed is not None:
        seed = (seed + had + 101 * unusable) % 2**31
    warmer = 0.0 if not unusable else 0.7
    return replace(question, seed=seed, temperature=max(question.temperature, warmer))


def _read(question: Question[Answer], choices: Sequence[Choice]) -> list[Answer]:
    """What can be read of some choices. Raises UnusableReply where nothing can."""
    answers: list[Answer] = []
    wrong: UnusableReply | None = None
    for choice in choices:
        try:
            answers.append(question.read(choice))
        except UnusableReply as error:
            wrong = error
    if wrong is not None and not answers:
        raise wrong
    return answers


def _run(function: Any, *args: Any) -> Any:
    """Run a coroutine function to its end, also where the caller is within an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(function(*args))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(function(*args))).result()
