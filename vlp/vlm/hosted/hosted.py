"""A VLM behind an OpenAI-compatible server as the planner's Proposer and Value, and as a judge of success."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner import Proposal, StepsToGo
from tasks.domain import Language, UnsoundSubgoal
from vlp.errors import ModelSwitched
from vlp.vlm import digits, prompts
from vlp.vlm.account import Note
from vlp.vlm.hosted.completion import WrongObject
from vlp.vlm.hosted.endpoint import Endpoint, SeveralPictures
from vlp.vlm.hosted.question import Question
from vlp.vlm.hosted.replies import Reply, Steps, Subgoals, Success, json_reply, or_fault, steps_of
from vlp.vlm.writer import Unfit

Frames = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class HostedConfig:
    """How a hosted VLM is asked."""

    rounds: int = 3
    """Times that it is asked for subgoals while fewer distinct ones than wanted came."""
    warmth: float = 0.7
    """Temperature of proposals and of repeated scores."""
    pictures: int = 8
    """Frames scored in one question, where the server allows several."""
    samples: int = 3
    """Answers of which a score is the mean, where the server tells no log-probabilities."""


class HostedVLM:
    """Asks an endpoint.

    Args:
        endpoint: the server.
        words: the world's language; a subgoal that is not sound in it is dropped.
    """

    def __init__(self, endpoint: Endpoint, words: Language, config: HostedConfig | None = None) -> None:
        self._endpoint, self._words = endpoint, words
        self.config = config or HostedConfig()
        self._pictures = self.config.pictures
        self._notes: list[Note] = []
        self._by_digits_before = False

    # -- proposals -----------------------------------------------------------------------------------

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """Up to `n` distinct subgoals for each of `frames`, the one named first being the likeliest. What
        can't be carried out is said back once, then dropped. Raises ModelError."""
        tables = self._words.sees(frames)
        found: list[list[str]] = [[] for _ in frames]
        for turn in range(self.config.rounds):
            lacking = [row for row, texts in enumerate(found) if len(texts) < n]
            if not lacking:
                break
            asked = [
                prompts.propose(
                    self._words, goal, tables[row], histories[row], n - len(found[row]), found[row]
                )
                for row in lacking
            ]
            self._collect(frames, goal, tables, lacking, asked, seed + turn, found, n)
        return [[Proposal(text, 1 / len(texts[:n])) for text in texts[:n]] for texts in found]

    def _collect(
        self,
        frames: Frames,
        goal: str,
        tables: Sequence[Sequence[str]],
        rows: Sequence[int],
        asked: Sequence[str],
        seed: int,
        found: list[list[str]],
        n: int,
    ) -> None:
        """Ask for subgoals of these rows, have those that can't be carried out mended once, and add them."""
        faults = {
            row: faulty
            for row, texts in zip(rows, self._texts(frames, rows, asked, seed, n), strict=True)
            if (faulty := _add(self._words, found[row], texts, tables[row]))
        }
        mends = [prompts.mend(self._words, goal, tables[row], faulty) for row, faulty in faults.items()]
        for row, texts in zip(faults, self._texts(frames, list(faults), mends, seed, n), strict=True):
            left = _add(self._words, found[row], texts[: len(faults[row])], tables[row])
            clean = self._endpoint.clean
            self._notes += [Note("dropped", clean(text), clean(reason)) for text, reason in left]

    def _texts(
        self, frames: Frames, rows: Sequence[int], asked: Sequence[str], seed: int, count: int
    ) -> list[list[str]]:
        questions = [
            Question(
                system=self._words.system,
                text=text,
                frames=frames[row : row + 1],
                read=json_reply(Subgoals),
                kind=Subgoals,
                seed=(seed + 7919 * row) % 2**31,
                temperature=self.config.warmth,
                most=100 + 30 * count,
            )
            for row, text in zip(rows, asked, strict=True)
        ]
        return [answers[0].subgoals for answers in self._endpoint.ask(questions)] if questions else []

    # -- steps to go ---------------------------------------------------------------------------------

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Control steps left from each of `frames` uint8 [N, H, W, 3]: the expected value of a digit by its
        log-probabilities where the server tells them, else the mean of repeated answers. Raises
        ModelError."""
        while True:
            parts = [frames[k : k + self._pictures] for k in range(0, len(frames), self._pictures)]
            try:
                if "logprobs" in self._endpoint.can:
                    mean, spread = self._by_digits(parts, goal)
                else:
                    mean, spread = self._by_samples(parts, goal)
            except digits.NoChances as error:
                self._endpoint.can.give_up("logprobs")
                if self._by_digits_before:  # what was scored so far in this search measures otherwise
                    said = self._endpoint.clean(str(error))
                    raise ModelSwitched(f"scores by digits are over: {said}") from error
            except SeveralPictures:
                self._pictures = 1
            else:
                return StepsToGo(mean.astype(np.float32), spread.astype(np.float32))

    def _by_digits(self, parts: Sequence[Frames], goal: str) -> tuple[NDArray[Any], NDArray[Any]]:
        answers = self._endpoint.ask(
            [
                Question(
                    system=self._words.system,
                    text=prompts.digits(self._words, goal, len(part)),
                    frames=part,
                    read=digits.digits_of(len(part)),
                    kind=None,
                    most=4 * len(part) + 8,
                )
                for part in parts
            ]
        )
        self._by_digits_before = True
        return digits.steps(np.concatenate([chances[0] for chances in answers]))

    def _by_samples(self, parts: Sequence[Frames], goal: str) -> tuple[NDArray[Any], NDArray[Any]]:
        samples = self.config.samples
        answers = self._endpoint.ask(
            [
                Question(
                    system=self._words.system,
                    text=prompts.steps(self._words, goal, len(part)),
                    frames=part,
                    read=steps_of(len(part)),
                    kind=Steps,
                    seed=0,
                    temperature=self.config.warmth if samples > 1 else 0.0,
                    choices=samples,
                    most=40 + 12 * len(part),
                )
                for part in parts
            ]
        )
        rows = np.concatenate(
            [np.array([answer.steps_to_go for answer in several]).T for several in answers]
        )  # [N, samples]
        return rows.mean(1), rows.std(1)

    # -- success -------------------------------------------------------------------------------------

    def success(self, frame: Frames, goal: str) -> Success:
        """Whether the goal is reached in a frame uint8 [H, W, 3], and why. Raises ModelError."""
        question = Question(
            system=self._words.system,
            text=prompts.success(goal),
            frames=frame[None],
            read=json_reply(Success),
            kind=Success,
            seed=0,
            most=200,
        )
        found = self._endpoint.ask([question])[0][0]
        return Success(reached=found.reached, why=self._endpoint.clean(found.why))

    def __str__(self) -> str:
        return self._endpoint.config.model

    # -- words ---------------------------------------------------------------------------------------

    def write(self, frame: Frames, text: str, kind: type[Reply], *, turn: int) -> Reply:
        """See `vlp.vlm.writer.Writer`."""
        question = Question(
            system=self._words.system,
            text=text,
            frames=frame[None],
            read=or_fault(kind),
            kind=kind,
            seed=turn,
            temperature=self.config.warmth if turn else 0.0,
            most=1200,
        )
        found = self._endpoint.ask([question])[0][0]
        if isinstance(found, WrongObject):
            raise Unfit(self._endpoint.clean(str(found)))
        return found

    # -- account -------------------------------------------------------------------------------------

    def notes(self) -> list[Note]:
        """What was dropped since it was last asked."""
        notes, self._notes = self._notes, []
        return notes

    def account(self) -> Mapping[str, Any]:
        """Model, server, what it can do and what it has cost."""
        config = self._endpoint.config
        return {
            "backend": "openai",
            "model": config.model,
            "url": config.shown,
            "can": {**self._endpoint.can.as_dict(), "several_pictures": self._pictures > 1},
            "spent": self._endpoint.budget.as_dict(),
        }

    def spent(self) -> str:
        """Calls, tokens and money so far."""
        return str(self._endpoint.budget)


def _add(
    words: Language, found: list[str], texts: Sequence[str], kinds: Sequence[str]
) -> list[tuple[str, str]]:
    """Add the sound ones of `texts` that are not there yet; the others, each with why it is not."""
    faults: list[tuple[str, str]] = []
    for text in texts:
        try:
            known = words.sound(text, kinds)
        except UnsoundSubgoal as error:
            faults.append((text, str(error)))
        else:
            if known not in found:
                found.append(known)
    return faults
