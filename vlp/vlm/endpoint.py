"""Questions to a server of OpenAI's chat completions, hosted or local, by the openai client.

The client retries what may pass (429 with its Retry-After, 5xx, broken connections) with jitter; here stands
what it lacks: one deadline over all of that, a largest reply, a budget, and asking again for a reply that
can't be used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import openai

from vlp.errors import ModelError
from vlp.vlm.budget import Budget, Tokens
from vlp.vlm.capabilities import Capabilities
from vlp.vlm.digits import NoChances
from vlp.vlm.endpoint_config import KEY, EndpointConfig, api_key
from vlp.vlm.question import Question
from vlp.vlm.replies import Answer, Choice, Completion, UnusableReply, completion


class SeveralPictures(ModelError):
    """The server does not take several pictures in one question."""


class Endpoint:
    """A model behind chat completions. One call at a time; its questions run side by side.

    Raises UsageError where a key is needed and the environment has none.
    """

    def __init__(self, config: EndpointConfig, budget: Budget) -> None:
        self.config, self.budget, self.can = config, budget, Capabilities()
        self._key = api_key(config.url)

    def ask(self, questions: Sequence[Question[Answer]]) -> list[list[Answer]]:
        """The answers to each question, as many as it wants. Raises ModelError, within the deadline,
        or twice that where the first question goes alone, see `Budget.unknown`."""
        return list(_run(self._together, questions))

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
        return openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.config.address,
            max_retries=10,
            timeout=self.config.deadline,
        )

    async def _answers(
        self, client: openai.AsyncOpenAI, gate: asyncio.Semaphore, question: Question[Answer]
    ) -> list[Answer]:
        try:
            async with asyncio.timeout(self.config.deadline), gate:
                return await self._until_had(client, question)
        except TimeoutError:
            raise self._failed(f"an answer within {self.config.deadline:g} s", "none") from None

    async def _until_had(self, client: openai.AsyncOpenAI, question: Question[Answer]) -> list[Answer]:
        """Ask until as many answers as wanted came: some servers give one choice whatever `n` says."""
        answers: list[Answer] = []
        unusable = 0
        while len(answers) < question.choices:
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
            request = self.can.request(
                n=question.choices - had,
                kind=question.kind,
                most=question.most,
                temperature=question.temperature,
                seed=question.seed,
            )
            reserved = self.budget.reserve(question.tokens(request.get("n", 1)))
            used, told = reserved, False  # where it is broken off, it may have been answered, and paid for
            try:
                reply = completion(await self._body(client, question, request))
                if reply.usage is not None:
                    used, told = Tokens(reply.usage.prompt_tokens, reply.usage.completion_tokens), True
                return reply
            except openai.APIStatusError as error:
                used, told = Tokens(0, 0), True  # refused
                self._give_up(error, request, len(question.frames))
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

    def _give_up(self, error: openai.APIStatusError, request: dict[str, Any], pictures: int) -> None:
        """Ask no more for what a server refused. Raises what it means where that is not a matter of
        parameters: NoChances, SeveralPictures, or ModelError where nothing is left to do without."""
        said = str(error).lower()
        # OpenAI's reasoning models forbid log-probabilities with 403.
        forbidden = isinstance(error, openai.PermissionDeniedError) and "logprob" in said
        refused = isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError)
        several = refused and pictures > 1 and any(word in said for word in ("image", "picture"))
        if (refused or forbidden) and not several and self.can.refused(said, request):
            if "logprobs" in request and "logprobs" not in self.can:
                raise NoChances("the server refuses log-probabilities") from error
            return
        failed = self._unreached(error)
        raise (SeveralPictures(str(failed)) if refused and pictures > 1 else failed) from error

    def _unreached(self, error: openai.APIError) -> ModelError:
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                got = f"a refused key ({error.status_code}); set {KEY}"
            case openai.NotFoundError():
                got = f"no such model or address ({error.status_code}: {self.clean(str(error))}); check both"
            case openai.APITimeoutError():
                got = "none in time"
            case openai.APIConnectionError():
                got = f"no connection ({self.clean(str(error.__cause__ or error))})"
            case openai.APIStatusError():
                got = f"status {error.status_code} ({self.clean(str(error))})"
            case _:
                got = self.clean(str(error))
        return self._failed("an answer", got)

    def _failed(self, expected: str, got: str) -> ModelError:
        return ModelError(
            f"VLM {self.config.model}: expected {expected}, got {self.clean(got)}; nothing moves; "
            "try again later, another --vlm, or --vlm-fallback"
        )

    def clean(self, text: str) -> str:
        """What a server said as one line without the key, in case it repeats it."""
        said = " ".join(text.split())
        return (said.replace(self._key, "***") if self._key else said)[:300]


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
