"""Any image-text-to-text model of transformers as the planner's Proposer and Value, and judge of success.

It can only say subgoals that can be carried out: at each token it chooses among those that lead to one. Its
steps-to-go are the expected value of a digit, by the log-probabilities of the ten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from planner import Proposal, StepsToGo
from tasks.domain import Language
from vlp.errors import ModelError, VlpError, WeightsError
from vlp.models.pretrained_folder import check_vlm
from vlp.vlm import digits, prompts
from vlp.vlm.account import Note
from vlp.vlm.hosted.completion import Choice, Message, UnusableReply
from vlp.vlm.hosted.replies import Reply, Success, json_reply
from vlp.vlm.hosted.words import one_line
from vlp.vlm.local.choices import Choices
from vlp.vlm.local.inputs import extended, placed, prompt_inputs
from vlp.vlm.writer import Unfit

Frames = NDArray[np.uint8]
P = ParamSpec("P")
R = TypeVar("R")
SAMPLES = 4
"""Texts sampled for each one asked for; those that are alike fall together."""
FEWEST = 16
HOTTER = (1.0, 2.0, 4.0)
"""Temperatures, round by round, while fewer distinct subgoals than asked for were found."""
MOST = 800
"""Tokens of an object that is written."""
BATCH = 8
"""Frames scored at a time."""


def _told(method: Callable[P, R]) -> Callable[P, R]:
    """What a model's own code raises becomes a ModelError, on which a fallback may take over."""

    @wraps(method)
    def asked(*args: P.args, **more: P.kwargs) -> R:
        try:
            return method(*args, **more)
        except (VlpError, Unfit):
            raise
        except (
            Exception
        ) as error:  # a list of what it may raise would be too short: OSError, ImportError, ...
            raise ModelError(
                f"VLM {args[0]}: expected an answer, got {type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]}; nothing moves; try another --vlm, or --vlm-fallback"
            ) from error

    return asked


class LocalVLM:
    """Weights on this machine.

    Args:
        model: an image-text-to-text model of transformers.
        processor: of the model.
        words: the world's language.
        source: where it came from, for the account.
    """

    def __init__(self, model: Any, processor: Any, words: Language, source: str = "") -> None:
        self._model, self._processor, self._words, self._source = model.eval(), processor, words, source
        self._tokenizer = processor.tokenizer
        self._last: tuple[tuple[str, ...], tuple[Choices, dict[tuple[int, ...], str]]] | None = None

    @classmethod
    def load(cls, source: str, words: Language, *, device: str = "cpu") -> Self:
        """Read a folder or repository: safetensors only, no code of its own. Raises WeightsError."""
        from vlp.vlm.local.processor import load_processor
        from vlp.vlm.local.weights import load_model

        check_vlm("vlm", source)
        try:
            model, processor = load_model(source).to(device), load_processor(source)
            if not hasattr(processor, "tokenizer"):
                raise ValueError("it has a processor of words alone")
        except Exception as error:  # of three libraries, which name no errors of their own
            raise WeightsError(
                f"vlm: expected an image-text-to-text model in safetensors and its processor, got {source}: "
                f"{' '.join(str(error).split())[:200]}; see docs/models.md"
            ) from error
        return cls(model, processor, words, source)

    def __str__(self) -> str:
        return self._source

    # -- the protocols -------------------------------------------------------------------------------

    @_told
    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """Up to `n` distinct subgoals for each of `frames` uint8 [B, H, W, 3], the likeliest first."""
        tables = self._words.sees(frames)
        return [
            self._propose(
                frame, prompts.propose_one(self._words, goal, kinds, done), tuple(kinds), n, seed + 7919 * row
            )
            for row, (frame, kinds, done) in enumerate(zip(frames, tables, histories, strict=True))
        ]

    @_told
    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Control steps left from each of `frames` uint8 [N, H, W, 3]."""
        text = prompts.digits(self._words, goal, 1)
        parts = [
            self._chances(frames[k : k + BATCH], text, [str(digit) for digit in range(10)])
            for k in range(0, len(frames), BATCH)
        ]
        return StepsToGo(*digits.steps(np.concatenate(parts)))

    @_told
    def success(self, frame: Frames, goal: str) -> Success:
        """Whether the goal is reached in a frame uint8 [H, W, 3]."""
        (chances,) = self._chances(frame[None], prompts.success_word(goal), ["yes", "no"])
        return Success(reached=bool(chances[0] > chances[1]), why=f"yes: {chances[0]:.2f}")

    @_told
    def write(self, frame: Frames, text: str, kind: type[Reply], *, turn: int) -> Reply:
        """See `vlp.vlm.writer.Writer`: as it says it, and read as a server's reply is; its words are not
        bound to the form."""
        given = self._given(frame[None], text)
        with torch.inference_mode():
            tokens = self._model.generate(**given, max_new_tokens=MOST, do_sample=False)
        said = self._tokenizer.decode(tokens[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
        try:
            return json_reply(kind)(Choice(message=Message(content=said)))
        except UnusableReply as error:
            raise Unfit(one_line(str(error))[:300]) from error

    # -- sampling ------------------------------------------------------------------------------------

    def _propose(self, frame: Frames, text: str, kinds: tuple[str, ...], n: int, seed: int) -> list[Proposal]:
        if not self._words.every(kinds):
            return []
        choices, meaning = self._sayable(kinds)
        found = dict[str, float]()
        for turn, heat in enumerate(HOTTER):
            generator = torch.Generator(self._model.device).manual_seed((seed + turn) % 2**63)
            count = max(FEWEST, SAMPLES * n)
            for tokens, chance in self._sample(frame, text, choices, count, heat, generator):
                found[meaning[tokens]] = max(found.get(meaning[tokens], 0.0), chance)
            if len(found) >= n:
                break
        best = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:n]
        return [Proposal(subgoal, min(1.0, chance)) for subgoal, chance in best]

    def _sayable(self, kinds: tuple[str, ...]) -> tuple[Choices, dict[tuple[int, ...], str]]:
        """What may be said of these blocks, and the subgoal that each text's tokens mean. The table changes
        seldom: kept for the blocks that were seen last."""
        if self._last is None or self._last[0] != kinds:
            meaning = {tuple(self._tokens(subgoal)): subgoal for subgoal in self._words.every(kinds)}
            self._last = (kinds, (Choices(list(meaning), self._end), meaning))
        return self._last[1]

    @torch.inference_mode()
    def _sample(
        self, frame: Frames, text: str, choices: Choices, count: int, heat: float, generator: torch.Generator
    ) -> list[tuple[tuple[int, ...], float]]:
        """`count` texts as tokens with the chance of each. The picture and the question are read once: all
        texts go on from the same cache."""
        given = self._given(frame[None], text)
        out = self._model(**given, use_cache=True)
        logits, cache = out.logits[:, -1].repeat_interleave(count, 0), out.cache
        cache.batch_repeat_interleave(count)
        branches, chance = choices.start(count), torch.zeros(count, device=logits.device)
        rows: list[list[int]] = [[] for _ in range(count)]
        while any(branches):
            scores = logits.float() + choices.allowed(branches, logits.shape[-1]).to(logits.device)
            drawn = torch.multinomial((scores / heat).softmax(-1), 1, generator=generator)
            alive = torch.tensor([bool(branch) for branch in branches], device=logits.device)
            chance += torch.where(alive, scores.log_softmax(-1).gather(1, drawn)[:, 0], 0.0)
            tokens = drawn[:, 0].tolist()
            for row, token, branch in zip(rows, tokens, branches, strict=True):
                if branch and token != choices.end:
                    row.append(token)
            branches = choices.step(branches, tokens)
            # No mask: all texts are as long as each other, and nothing is padded.
            out = self._model(input_ids=drawn, cache=cache, use_cache=True)
            logits = out.logits[:, -1]
        return [(tuple(row), value) for row, value in zip(rows, chance.exp().tolist(), strict=True)]

    # -- candidates ----------------------------------------------------------------------------------

    @torch.inference_mode()
    def _chances(self, frames: Frames, text: str, candidates: Sequence[str]) -> NDArray[np.float64]:
        """How likely each candidate is as the next word, [N, candidates], one picture a prompt."""
        tokens = [self._tokens(candidate) for candidate in candidates]
        # Some tokenizers put a space before the first word.
        shared = next((k for k, column in enumerate(zip(*tokens, strict=False)) if len({*column}) > 1), 0)
        lasts = [row[shared] for row in tokens if len(row) > shared]
        if len(set(lasts)) < len(candidates):
            raise ModelError(
                f"VLM {self._source}: expected a token of its own for each of {', '.join(candidates)}, got a "
                "tokenizer that splits them otherwise; use this model for proposals only (--vlm-for proposer)"
            )
        given = self._given(frames, text)
        if shared:
            extra = torch.tensor([tokens[0][:shared]], device=self._model.device).expand(len(frames), -1)
            given = extended(given, extra, torch.ones_like(extra), answer=False)
        logits = self._model(**given).logits[:, -1]
        return np.asarray(logits[:, lasts].double().softmax(-1).cpu())

    # -- prompts -------------------------------------------------------------------------------------

    @property
    def _end(self) -> int:
        end = self._tokenizer.eos_token_id
        assert end is not None, "expected a tokenizer with an end of text"
        return int(end)

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _given(self, frames: Frames, text: str) -> dict[str, Any]:
        """The model's input: for each of `frames` the same words with that picture."""
        given = prompt_inputs(self._processor, list(frames), [text] * len(frames), self._words.system)
        return placed(given, self._model.device, self._model.dtype)

    # -- account -------------------------------------------------------------------------------------

    def notes(self) -> list[Note]:
        """None: it can only say what can be carried out."""
        return []

    def account(self) -> Mapping[str, Any]:
        """Which model."""
        return {"backend": "transformers", "model": self._source, "class": type(self._model).__name__}

    def spent(self) -> str:
        """Nothing is counted."""
        return ""
