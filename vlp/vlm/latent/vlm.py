"""The learned VLM as the planner's Proposer and Value, and as a judge of success."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from diffusers import AutoencoderDC
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast, VisionEncoderDecoderModel

from planner import Proposal, StepsToGo
from video.latent import text
from video.latent.autoencoder import encode
from video.latent.ends import SUBGOAL, TASK
from video.latent.keeping import State, state_of
from video.latent.saved import save
from vlp.errors import WeightsError
from vlp.vlm.hosted.replies import Success
from vlp.vlm.latent import words
from vlp.vlm.latent.choice import Said, SubgoalChoice
from vlp.vlm.latent.lessons import Clock
from vlp.vlm.latent.model import Hints, Network, chances
from vlp.vlm.latent.progress import Progress

Frames = NDArray[np.uint8]
CLOCK, SUBGOALS = "clock.json", "subgoals.json"
EYE, HINTS = "autoencoder", "hints"
TOKENIZER, READER = "tokenizer", "reader"
CHOICE, SAID, PROGRESS = "choice", "said.json", "progress"
SAMPLES = 4
"""Texts sampled for each one asked for; those that are alike fall together."""
LONGEST = 32
"""Tokens of a subgoal at most."""


@dataclass(frozen=True)
class Begun:
    """A VLM's parts, to go on from; see `LatentVLM`."""

    network: Network
    tokenizer: Any
    clock: Clock
    subgoals: frozenset[str]
    choice: SubgoalChoice | None
    said: Said
    progress: Progress | None

    def states(self) -> dict[str, State]:
        """Copies of the weights of its networks."""
        parts = {"network": self.network, "choice": self.choice, "progress": self.progress}
        return {name: state_of(part) for name, part in parts.items() if part is not None}


class LatentVLM:
    """Asks the network.

    Args:
        network: see `Network`.
        eye: the autoencoder that it sees by.
        tokenizer: see `words`.
        reader: the tokenizer by which hints read goals.
        clock: what its bins of time mean.
        subgoals: all that the dataset says. What is proposed is one of them wherever it can be: said token
            by token, a block next to itself is likely enough to be sampled now and then.
        choice: chooses among what is `said` on the way to a goal; of other goals, or without one, subgoals
            are said token by token.
        progress: tells of goals how far they are, where it was trained, else the network does.
    """

    def __init__(
        self,
        network: Network,
        eye: Any,
        tokenizer: Any,
        reader: Any,
        clock: Clock,
        subgoals: Collection[str] = (),
        choice: SubgoalChoice | None = None,
        said: Said | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._network, self._eye = network.eval(), eye.eval()
        self._decoder = network.model.decoder
        self._tokenizer, self._reader, self.clock = tokenizer, reader, clock
        self._subgoals = frozenset(subgoals)
        self._choice, self._said, self._progress = choice, dict(said or {}), progress
        self._end = words.of(tokenizer, words.END)[0]
        self._answers = words.of(tokenizer, words.NO, words.YES)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Read what `save` wrote. Raises WeightsError."""
        try:
            model = VisionEncoderDecoderModel.from_pretrained(folder / "model").float().to(device)
            hints: Any = Hints.from_pretrained(folder / HINTS).float().to(device)
            eye = AutoencoderDC.from_pretrained(folder / EYE).float().to(device)
            tokenizer, reader = (
                PreTrainedTokenizerFast.from_pretrained(folder / name) for name in (TOKENIZER, READER)
            )
            clock = Clock.read(json.loads((folder / CLOCK).read_text(encoding="utf-8")))
            subgoals = json.loads((folder / SUBGOALS).read_text(encoding="utf-8"))
            choice: Any = None
            said: Said = {}
            if (folder / CHOICE).is_dir():
                choice = SubgoalChoice.from_pretrained(folder / CHOICE).float().to(device).eval()
                said = json.loads((folder / SAID).read_text(encoding="utf-8"))
            progress: Any = None
            if (folder / PROGRESS).is_dir():
                progress = Progress.from_pretrained(folder / PROGRESS).float().to(device).eval()
        except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise WeightsError(
                f"models: expected a VLM of `vlp train world-vlm` in {folder}, got {error}; "
                "train or choose one"
            ) from error
        return cls(Network(model, hints), eye, tokenizer, reader, clock, subgoals, choice, said, progress)

    def save(self, folder: Path) -> None:
        """Write a folder; weights as safetensors in bf16."""
        parts = (("model", self._network.model), (HINTS, self._network.hints), (EYE, self._eye))
        for name, part in parts:
            save(part, folder / name)
        for name, tokenizer in ((TOKENIZER, self._tokenizer), (READER, self._reader)):
            tokenizer.save_pretrained(folder / name)
        (folder / CLOCK).write_text(json.dumps(asdict(self.clock)) + "\n", encoding="utf-8")
        for own, part in ((CHOICE, self._choice), (PROGRESS, self._progress)):
            shutil.rmtree(folder / own, ignore_errors=True)  # of an earlier training
            if part is not None:
                save(part, folder / own)
        if self._choice is not None:
            (folder / SAID).write_text(json.dumps(self._said, indent=0) + "\n", encoding="utf-8")
        listed = json.dumps(sorted(self._subgoals), indent=0)
        (folder / SUBGOALS).write_text(listed + "\n", encoding="utf-8")

    def begin(self, eye: Any, reader: Any) -> Begun:
        """What a training goes on from, with such an autoencoder and such a reader of words beside it. Raises
        ValueError where those are others than its own: what it learned would mean something else."""
        mine, other = self._eye.state_dict(), eye.state_dict()
        alike = mine.keys() == other.keys() and all(
            torch.equal(value.cpu().bfloat16(), other[name].cpu().bfloat16()) for name, value in mine.items()
        )
        if not alike or self._reader.get_vocab() != reader.get_vocab():
            raise ValueError("another autoencoder or other words")
        return Begun(
            self._network, self._tokenizer, self.clock, self._subgoals, self._choice, self._said,
            self._progress,
        )  # fmt: skip

    def unread(self, words: str) -> int:
        """How many tokens of a text are not read, since it is too long."""
        return text.cut(self._reader, words)

    @torch.no_grad()
    def _see(self, frames: Frames, goal: str) -> Tensor:
        """Pictures uint8 [N, H, W, 3] as the words look at them for a goal [N, S, width]."""
        return self._network.see(*self._seen(frames, goal))

    def _asked(self, goal: str, question: str) -> list[int]:
        """A question of a goal; of one that is too long its end is left out."""
        said = words.numbers(self._tokenizer, goal)[: words.MOST - LONGEST - 1]
        return [*said, *words.of(self._tokenizer, question)]

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """Up to `n` distinct subgoals a beam, the likeliest first: those sampled most often."""
        generator = torch.Generator().manual_seed(seed)
        known = self._said.get(words.plain(goal), ())
        if self._choice is not None and known:
            rows = self._choose(frames, goal, known, SAMPLES * n, generator)
        else:
            seen, before = self._see(frames, goal), self._asked(goal, words.SUBGOAL)
            rows = self._sample(seen.repeat_interleave(SAMPLES * n, 0), before, generator)
        found = []
        for row in range(len(frames)):
            texts = Counter(rows[row * SAMPLES * n : (row + 1) * SAMPLES * n])
            del texts[""]
            if said := self._subgoals & set(texts):
                texts = Counter({text: texts[text] for text in texts if text in said})
            total = max(1, texts.total())
            found.append([Proposal(text, count / total) for text, count in texts.most_common(n)])
        return found

    @torch.no_grad()
    def _choose(
        self, frames: Frames, goal: str, known: Sequence[str], count: int, generator: torch.Generator
    ) -> list[str]:
        """So many texts for each picture, by their chances."""
        assert self._choice is not None
        latents = encode(self._eye, frames)
        goals = text.encode(self._reader, [goal]).to(latents.device)
        subgoals = text.encode(self._reader, known).to(latents.device)[None]
        likely = torch.cat([self._choice(one[None], goals, subgoals) for one in latents]).softmax(1).cpu()
        drawn = torch.multinomial(likely, count, replacement=True, generator=generator)
        return [known[number] for number in drawn.flatten().tolist()]

    @torch.no_grad()
    def _sample(self, seen: Tensor, before: list[int], generator: torch.Generator) -> list[str]:
        """A text for each picture, token by token."""
        tokens = torch.tensor([before] * len(seen), device=seen.device)
        said: list[Tensor] = []
        cache, over = None, torch.zeros(len(seen), dtype=torch.bool)
        for _ in range(LONGEST):
            found = self._decoder(input_ids=tokens, encoder_hidden_states=seen, cache=cache, use_cache=True)
            cache = found.cache
            likely = found.logits[:, -1].float().softmax(-1).cpu()
            drawn = torch.multinomial(likely, 1, generator=generator)[:, 0]
            drawn[over] = self._end
            over |= drawn == self._end
            said.append(drawn)
            if bool(over.all()):
                break
            tokens = drawn[:, None].to(seen.device)
        texts = self._tokenizer.batch_decode(torch.stack(said, 1), skip_special_tokens=True)
        return [" ".join(text.split()) for text in texts]

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """Control steps left from each of `frames` uint8 [N, H, W, 3]: mean and spread of a distribution."""
        likely, centres = self._times(frames, goal).cpu().numpy(), self.clock.centres
        mean = likely @ centres
        spread = np.sqrt(np.maximum(likely @ centres**2 - mean**2, 0.0))
        return StepsToGo(mean.astype(np.float32), spread.astype(np.float32))

    @torch.no_grad()
    def _times(self, frames: Frames, goal: str) -> Tensor:
        """Chances of bins of the time [N, BINS]."""
        if self._progress is not None:
            return self._progress(*self._seen(frames, goal))[1].softmax(-1)  # type: ignore[no-any-return]
        answers = words.of(self._tokenizer, *words.bins())
        return chances(self._decoder, self._see(frames, goal), self._asked(goal, words.STEPS), answers)

    def _seen(self, frames: Frames, goal: str) -> tuple[Tensor, Tensor]:
        """Latents [N, C, h, w], and the goal's words [N, L] for each."""
        latents = encode(self._eye, frames)
        return latents, text.encode(self._reader, [goal]).expand(len(frames), -1).to(latents.device)

    @torch.no_grad()
    def chance(self, frame: Frames, goal: str, of: int = TASK) -> float:
        """0..1 that a goal (of: TASK), or what leads to one (SUBGOAL), is reached in a frame uint8
        [H, W, 3]."""
        if self._progress is not None and of == TASK:
            odds, _ = self._progress(*self._seen(frame[None], goal))
            return self.clock.chance(float(odds.sigmoid()), of)
        asked = self._asked(goal, words.DONE)
        told = float(chances(self._decoder, self._see(frame[None], goal), asked, self._answers)[0, 1])
        return self.clock.chance(told, of)

    def is_over(self, frame: Frames, subgoal: str) -> bool:
        """Whether a subgoal is reached in a frame uint8 [H, W, 3]: asked again and again on the way there."""
        return self.chance(frame, subgoal, SUBGOAL) > 0.5

    def success(self, frame: Frames, goal: str) -> Success:
        """Whether the goal is reached in a frame uint8 [H, W, 3]."""
        chance = self.chance(frame, goal)
        return Success(reached=chance > 0.5, why=f"it looks so with a chance of {chance:.0%}")
