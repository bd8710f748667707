"""The bundled VLM behind the planner's protocols: Proposer and Value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, PaliGemmaForConditionalGeneration

from planner import Proposal, StepsToGo
from tasks.domain import UnsoundSubgoal
from tasks.tabletop.language import is_worded
from tasks.tabletop.language.subgoals import sound
from tasks.tabletop.world.board import COLORS, KINDS, color_of, shape_of
from vlp.errors import ModelError
from vlp.vlm.tabletop import tokens
from vlp.vlm.tabletop.model import prompt
from vlp.vlm.tabletop.vision import MOST_BLOCKS

MAX_WORDS = 32
FEWEST = 16
"""Texts sampled at least, so that one subgoal asked for is nearly always found."""
SAMPLES = 4
"""Texts sampled for each one asked for; those that are alike fall together."""
HOTTER = (1.0, 2.0, 3.0)
"""Times the temperature, round by round, while fewer distinct subgoals than asked for were found: a model
that is sure of one subgoal says little else, and the search has nothing to choose from."""

Frames = NDArray[np.uint8]


class BundledVLM:
    """Proposes subgoals by sampling, and reads steps-to-go off a distribution over bins."""

    def __init__(self, model: PaliGemmaForConditionalGeneration, *, temperature: float = 1.0) -> None:
        self._model = model.eval()
        self._temperature = temperature

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> BundledVLM:
        """Read the weights in `folder` (safetensors)."""
        model = PaliGemmaForConditionalGeneration.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32
        )
        return cls(model.to(device))

    def _pixels(self, frames: Frames) -> Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(frames)).to(self._model.device)
        return pixels.permute(0, 3, 1, 2).float() / 255

    def _given(self, goal: str, count: int, suffix: Sequence[int]) -> dict[str, Tensor]:
        given = prompt([goal], [suffix])
        return {name: value.expand(count, -1).to(self._model.device) for name, value in given.items()}

    @torch.inference_mode()
    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Control steps left from each of `frames` uint8 [N, H, W, 3], with the distribution's spread; NaN
        where more than MOST_BLOCKS blocks are to be seen."""
        given = self._given(goal, len(frames), [tokens.STEPS])
        logits = self._model(**given, pixel_values=self._pixels(frames), logits_to_keep=1).logits[:, -1]
        share = logits[:, tokens.FIRST_BIN : tokens.FIRST_WORD].float().softmax(-1)
        centers = tokens.bin_centers().to(share.device)
        mean = share @ centers
        spread = (share * (centers - mean[:, None]) ** 2).sum(1).sqrt()
        return StepsToGo(mean.cpu().numpy().astype(np.float32), spread.cpu().numpy().astype(np.float32))

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """Up to `n` distinct subgoals for each of `frames`, the likeliest first. What does not parse, or
        names blocks that are not to be seen, is dropped. Raises ModelError for a frame in which more than
        MOST_BLOCKS blocks are to be seen."""
        seen = self._model.model.vision_tower.encoder.see(frames)[..., 0] > 0.5
        tables = [[kind for kind, there in zip(KINDS, row, strict=False) if there] for row in seen]
        if (most := max(map(len, tables), default=0)) > MOST_BLOCKS:
            raise ModelError(
                f"vlm: expected a board of at most {MOST_BLOCKS} blocks, got {most}; take some away"
            )
        found: list[dict[str, float]] = [{} for _ in tables]
        for turn, hotter in enumerate(HOTTER):
            lacking = [row for row, texts in enumerate(found) if len(texts) < n]
            if not lacking:
                break
            count, some = max(FEWEST, SAMPLES * n), [tables[row] for row in lacking]
            said = self._sample(frames[lacking], goal, count, seed + turn, some, hotter)
            for row, kinds, texts, chances in zip(lacking, some, *said, strict=True):
                for text, chance in zip(texts, chances, strict=True):
                    known = _sound(tokens.decode(text), kinds)
                    if known is not None:
                        found[row][known] = max(found[row].get(known, 0.0), chance)
        best = [sorted(texts.items(), key=lambda item: (-item[1], item[0]))[:n] for texts in found]
        return [[Proposal(text, min(1.0, chance)) for text, chance in texts] for texts in best]

    @torch.inference_mode()
    def _sample(
        self,
        frames: Frames,
        goal: str,
        count: int,
        seed: int,
        tables: Sequence[Sequence[str]] | None = None,
        hotter: float = 1.0,
    ) -> tuple[list[list[list[int]]], list[list[float]]]:
        """`count` texts as token numbers for each frame, and how likely each is as a whole, drawn at
        `hotter` times the temperature. With `tables`, only blocks on each frame's table can be named."""
        generator = torch.Generator(self._model.device).manual_seed(seed)
        given = self._given(goal, len(frames), [tokens.STEPS, tokens.DO])
        out = self._model(**given, pixel_values=self._pixels(frames), use_cache=True, logits_to_keep=1)
        cache: DynamicCache = out.cache
        cache.batch_repeat_interleave(count)
        logits = out.logits[:, -1].repeat_interleave(count, 0)
        alive = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
        chance = torch.zeros(len(logits), device=logits.device)
        words: list[Tensor] = []
        allowed = torch.full_like(logits[:1], -torch.inf, dtype=torch.float32)
        allowed[:, tokens.FIRST_WORD :] = 0.0
        allowed[:, tokens.EOS] = 0.0
        follows = (
            None if tables is None else torch.stack([_follows(kinds) for kinds in tables]).to(logits.device)
        )
        rows = torch.arange(len(frames), device=logits.device).repeat_interleave(count)
        previous = torch.full_like(rows, tokens.DO)
        for _ in range(MAX_WORDS):
            scores = logits.float() + allowed
            if follows is not None:
                scores = scores + follows[rows, previous]
            share = (scores / (self._temperature * hotter)).softmax(-1)
            drawn = torch.multinomial(share, 1, generator=generator)
            chance += torch.where(alive, scores.log_softmax(-1).gather(1, drawn)[:, 0], 0.0)
            drawn = torch.where(alive[:, None], drawn, tokens.EOS)
            previous = drawn[:, 0]
            words.append(previous)
            alive &= previous != tokens.EOS
            if not alive.any():
                break
            logits = self._model(input_ids=drawn, cache=cache, use_cache=True).logits[:, -1]
        shape = (len(frames), count)
        table = torch.stack(words, 1).unflatten(0, shape)  # type: ignore[no-untyped-call]
        return table.tolist(), chance.exp().unflatten(0, shape).tolist()  # type: ignore[no-untyped-call]


def _sound(text: str, kinds: Sequence[str]) -> str | None:
    """The canonical form of a subgoal about blocks that are there, or None."""
    try:
        return sound(text, kinds) if is_worded(text) else None
    except UnsoundSubgoal:
        return None


def _follows(kinds: Sequence[str]) -> Tensor:
    """Which word may follow which, [VOCABULARY, VOCABULARY] of 0 and -inf: only colours that are on the
    table, and after a colour only the shapes that it comes in there."""
    table = torch.zeros(tokens.VOCABULARY, tokens.VOCABULARY)
    for color in COLORS:
        shapes = [shape_of(kind) for kind in kinds if color_of(kind) == color]
        (number,) = tokens.encode(color)
        table[number] = -torch.inf
        for shape in shapes:
            table[number, tokens.encode(shape)] = 0.0
        if not shapes:
            table[:, number] = -torch.inf
            table[number] = 0.0  # never reached, but a row of -inf alone would be no distribution
    return table
