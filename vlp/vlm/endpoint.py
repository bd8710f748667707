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
from vlp.vlm.replies import Answer, Completion, UnusableReply, completion


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
        """The answers to each question, as many as it wants. Raises ModelError, within the deadline."""

        return list(_run(self._together, questions))

    async def _together(self, questions: Sequence[Question[Answer]]) -> list[list[Answer]]:
        gate = asyncio.Semaphore(self.config.at_once)
        async with self._client() as client:
            tasks = [asyncio.create_task(self._answers(client, gate, question)) for question in questions]
            try:
                return list(await asyncio.gather(*tasks))
            finally:  # where one failed, the others are not waited for
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.config.url,
            max_retries=10,
            timeout=self.config.deadline,
        )

    async def _answers(
        self, client: openai.AsyncOpenAI, gate: asyncio.Semaphore, question: Question[Answer]
    ) -> list[Answer]:
        async with gate:
            try:
                async with asyncio.timeout(self.config.deadline):
                    return await self._until_had(client, question)
            except TimeoutError:
                raise self._failed(f"an answer within {self.config.deadline:g} s", "none") from None

    async def _until_had(self, client: openai.AsyncOpenAI, question: Question[Answer]) -> list[Answer]:
        """Ask until as many answers as wanted came: some servers give one choice whatever `n` says."""
        answers: list[Answer] = []
        unusable = 0
        while len(answers) < question.choices:
            # A server that takes a seed and gives one choice at a time would give the same one again.
            asked = question.seed if question.seed is None else (question.seed + len(answers)) % 2**31
            try:
                reply = await self._reply(client, replace(question, seed=asked), len(answers))
                wanted = question.choices - len(answers)
                if len(reply.choices) < wanted and "n" in self.can:
                    self.can.give_up("n")
                answers += [question.read(choice) for choice in reply.choices[:wanted]]
            except NoChances:
                raise
            except UnusableReply as error:
                unusable += 1
                if unusable >= self.config.unusable:
                    raise self._failed("a usable reply", f"{unusable} that were not: {error}") from error
                await asyncio.sleep(0.1 * 2**unusable)
        return answers

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
            most = question.tokens(request.get("n", 1))
            self.budget.reserve(most)
            used = Tokens(0, 0)  # of a request that is refused
            told: Completion | None = None
            try:
                told = completion(await self._body(client, question, request))
                used = _used(told) or most
                return told
            except UnusableReply:
                used = most
                raise
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                self._give_up(error, request, len(question.frames))
            except openai.APIError as error:
                raise self._unreached(error) from error
            except asyncio.CancelledError:
                used = most  # it may have been answered, and paid for
                raise
            finally:
                self.budget.settle(most, used, told=told is None or told.usage is not None)

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
        several = pictures > 1 and any(word in str(error).lower() for word in ("image", "picture"))
        if not several and self.can.refused(str(error), request):
            if "logprobs" in request and "logprobs" not in self.can:
                raise NoChances("the server refuses log-probabilities") from error
            return
        failed = self._unreached(error)
        raise (SeveralPictures(str(failed)) if pictures > 1 else failed) from error

    def _unreached(self, error: openai.APIError) -> ModelError:
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                got = f"a refused key ({error.status_code}); set {KEY}"
            case openai.NotFoundError():
                got = f"no such model or address ({error.status_code}: {self._clean(error)}); check both"
            case openai.APITimeoutError():
                got = "none in time"
            case openai.APIConnectionError():
                got = f"no connection ({self._clean(error.__cause__ or error)})"
            case openai.APIStatusError():
                got = f"status {error.status_code} ({self._clean(error)})"
            case _:
                got = self._clean(error)
        return self._failed("an answer", got)

    def _failed(self, expected: str, got: str) -> ModelError:
        return ModelError(
            f"VLM {self.config.model}: expected {expected}, got {got}; nothing moves; "
            "try again later, another --vlm, or --vlm-fallback"
        )

    def _clean(self, error: BaseException) -> str:
        """What an error says, without the key, in case a server repeats it."""
        said = " ".join(str(error).split())
        return (said.replace(self._key, "***") if self._key else said)[:200]


def _used(reply: Completion) -> Tokens | None:
    usage = reply.usage
    return None if usage is None else Tokens(usage.prompt_tokens, usage.completion_tokens)


def _run(function: Any, *args: Any) -> Any:
    """Run a coroutine function to its end, also where the caller is within an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(function(*args))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(function(*args))).result()
