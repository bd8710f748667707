"""VLMs of transformers: tiny ones of real classes, from folders, to a plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from planner import Proposer, Value
from tasks.tabletop.language.subgoals import BOARD, every_subgoal, sound
from tasks.tabletop.world.board import BLOCK_8
from tests.vlp.vlm.local.tiny_vlms import KINDS, build, save
from vlp.cli.main import main
from vlp.errors import ModelError, ModelSwitched, WeightsError
from vlp.models.fallback import FallbackVLM
from vlp.vlm import prompts
from vlp.vlm.hosted.replies import Subgoals
from vlp.vlm.local.choices import Choices
from vlp.vlm.local.local import LocalVLM
from vlp.vlm.writer import Unfit

# transformers' own PaliGemma processor does what numpy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

GOAL = "group the blocks by color"
TABLE = ("red_star", "blue_cube", "red_moon", "green_star")
FRAMES = np.random.default_rng(0).integers(0, 255, (3, 96, 128, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=KINDS)
def vlm(request: pytest.FixtureRequest) -> LocalVLM:
    return LocalVLM(*build(request.param), BOARD.seen_by(lambda frames: [TABLE] * len(frames)), request.param)


def test_every_subgoal_is_sound_and_there_once() -> None:
    texts = every_subgoal(TABLE)
    assert len(set(texts)) == len(texts) > 150
    assert all(sound(text, TABLE) == text for text in texts)
    assert every_subgoal(()) == ()


def test_choices_lead_to_the_texts_and_nowhere_else() -> None:
    choices = Choices([[5, 6], [5, 7, 8]], end=2)
    branches = choices.start(2)
    assert (choices.allowed(branches, 9) == 0).nonzero()[:, 1].tolist() == [5, 5]
    branches = choices.step(branches, [5, 5])
    assert (choices.allowed(branches, 9)[0] == 0).nonzero()[:, 0].tolist() == [6, 7]
    branches = choices.step(branches, [6, 7])
    assert [(row == 0).nonzero()[:, 0].tolist() for row in choices.allowed(branches, 9)] == [[2], [8]]
    branches = choices.step(choices.step(branches, [2, 8]), [0, 2])
    assert not any(branches) and (choices.allowed(branches, 9) == 0).all()


def test_proposals_are_sound_distinct_and_of_the_seed(vlm: LocalVLM) -> None:
    assert isinstance(vlm, Proposer) and isinstance(vlm, Value)
    histories = [(), ("push the red star up",)]
    found = vlm.propose(FRAMES[:2], GOAL, histories, 4, seed=1)
    for proposals in found:
        texts = [proposal.text for proposal in proposals]
        assert len(set(texts)) == 4 and all(sound(text, TABLE) == text for text in texts)
        chances = [proposal.probability for proposal in proposals]
        assert chances == sorted(chances, reverse=True) and 0 < chances[0] <= 1
    assert vlm.propose(FRAMES[:2], GOAL, histories, 4, seed=1) == found
    assert vlm.propose(FRAMES[:2], GOAL, histories, 4, seed=2) != found


def test_an_object_is_written_or_said_to_be_none(vlm: LocalVLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained it babbles, which is no object; what it says is read as a server's reply is."""
    with pytest.raises(Unfit, match=r"expected subgoals as JSON|it is empty"):
        vlm.write(FRAMES[0], "say something", Subgoals, turn=0)
    monkeypatch.setattr(vlm._tokenizer, "decode", lambda tokens, **how: 'so: {"subgoals": ["push it"]}')
    assert vlm.write(FRAMES[0], "say something", Subgoals, turn=0).subgoals == ["push it"]


def test_nothing_is_proposed_where_nothing_is_on_the_table() -> None:
    vlm = LocalVLM(*build("llava"), BOARD.seen_by(lambda frames: [()] * len(frames)))
    assert vlm.propose(FRAMES[:1], GOAL, [()], 4, seed=1) == [[]]


@torch.inference_mode()
def test_the_shared_cache_gives_the_chances_of_the_whole_text(vlm: LocalVLM) -> None:
    """The chance that is put together token by token is that of one pass over question and answer."""
    if type(vlm._model).__name__.startswith("PaliGemma"):
        pytest.skip("in one pass it would read its own answer both ways, as it reads what it is given")
    text = prompts.propose_one(BOARD, GOAL, TABLE, ())
    choices = Choices([vlm._tokens(subgoal) for subgoal in every_subgoal(TABLE)], vlm._end)
    sampled = vlm._sample(FRAMES[0], text, choices, 3, 1.0, torch.Generator().manual_seed(0))
    for tokens, chance in sampled:
        given = vlm._given(FRAMES[:1], text)
        start = given["input_ids"].shape[1]
        more = torch.tensor([[*tokens, vlm._end]])
        for name, fill in (("input_ids", more), ("attention_mask", torch.ones_like(more))):
            given[name] = torch.cat([given[name], fill], 1)
        for name in ("token_type_ids", "mm_token_type_ids"):
            if name in given:
                # PaliGemma reads its prefix both ways and what it says one way only.
                given[name] = torch.cat(
                    [given[name], torch.full_like(more, int(name == "token_type_ids"))], 1
                )
        logits = vlm._model(**given).logits[:, start - 1 : -1]
        branches, expected = choices.start(1), 0.0
        for k, token in enumerate([*tokens, vlm._end]):
            scores = logits[:, k].float() + choices.allowed(branches, logits.shape[-1])
            expected += float(scores.log_softmax(-1)[0, token])
            branches = choices.step(branches, [token])
        assert chance == pytest.approx(np.exp(expected), rel=1e-3)


def test_steps_are_of_the_picture_and_within_the_digits(vlm: LocalVLM) -> None:
    found = vlm.steps_to_go(FRAMES, GOAL)
    assert found.mean.shape == (3,) and (found.mean > 0).all() and (found.mean < 360).all()
    assert (found.spread > 0).all() and len(set(found.mean.tolist())) == 3
    one = vlm.steps_to_go(FRAMES[1:2], GOAL)
    assert one.mean[0] == pytest.approx(found.mean[1], abs=0.05)
    assert vlm.success(FRAMES[0], GOAL).why.startswith("yes: 0.")


def test_a_tokenizer_without_digits_is_refused() -> None:
    model, processor = build("llava")
    vlm = LocalVLM(model, processor, BOARD.seen_by(lambda frames: [TABLE] * len(frames)))
    with pytest.raises(ModelError, match="a token of its own"):
        vlm._chances(FRAMES[:1], "?", ["zero", "zero"])


@pytest.mark.parametrize("kind", KINDS)
def test_it_plans_from_a_folder(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save(kind, tmp_path / kind)
    code = main(
        ["plan", GOAL, "--seed", "1000003", "--vlm", f"transformers:{folder}", "--beams", "1",
         "--language-branches", "3", "--video-branches", "2", "--horizon", "1", "--device", "cpu",
         "--out", str(tmp_path / "run"), "--json"]
    )  # fmt: skip
    assert code == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    (used,) = result["models_used"]
    assert used["backend"] == "transformers" and used["model"] == str(folder)
    assert all(sound(text, BLOCK_8) for text in result["plan"]) and len(result["plan"]) == 1
    assert (tmp_path / "run" / "report.html").stat().st_size > 0


def test_a_folder_that_holds_no_such_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsError, match="image-text-to-text") as error:
        LocalVLM.load(str(tmp_path), BOARD.seen_by(lambda frames: []))
    assert "\n" not in str(error.value)


def test_pickled_weights_and_code_of_its_own_are_refused(tmp_path: Path) -> None:
    folder = save("llava", tmp_path / "llava")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsError):
        LocalVLM.load(str(folder), BOARD.seen_by(lambda frames: []))
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.Own", "AutoModelForImageTextToText": "own.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('ran')")
    with pytest.raises(WeightsError):
        LocalVLM.load(str(folder), BOARD.seen_by(lambda frames: []))


@pytest.mark.parametrize(
    "kind", [OSError, ImportError, AssertionError, StopIteration, MemoryError, NameError]
)
def test_whatever_a_models_own_code_raises_lets_the_fallback_take_over(kind: type[Exception]) -> None:
    """Real model, real processor, which cannot read what it needs when it is asked."""
    model, processor = build("llava")
    vlm = LocalVLM(model, processor, BOARD.seen_by(lambda frames: [TABLE] * len(frames)), "own")

    def refuse(*_: object, **__: object) -> None:
        raise kind("nothing\nhere")

    model.forward = refuse
    asked: dict[str, Callable[[Any], object]] = {
        "propose": lambda one: one.propose(FRAMES[:1], GOAL, [()], 2, seed=0),
        "steps_to_go": lambda one: one.steps_to_go(FRAMES[:1], GOAL),
        "success": lambda one: one.success(FRAMES[0], GOAL),
    }
    for ask in asked.values():
        with pytest.raises(ModelError, match=f"got {kind.__name__}: nothing here") as error:
            ask(vlm)
        assert type(error.value) is ModelError
    for name in ("propose", "steps_to_go"):
        both = FallbackVLM(vlm, object())
        with pytest.raises(ModelSwitched):
            asked[name](both)
        assert both.account()["fell_back"]
    assert FallbackVLM(vlm, object()).success(FRAMES[0], GOAL).reached


def test_who_wants_it_to_end_is_not_the_models_fault() -> None:
    vlm = LocalVLM(*build("llava"), BOARD.seen_by(lambda frames: [TABLE] * len(frames)))

    def refuse(frames: object) -> list[tuple[str, ...]]:
        raise KeyboardInterrupt

    vlm._words = BOARD.seen_by(refuse)
    with pytest.raises(KeyboardInterrupt):
        vlm.propose(FRAMES[:1], GOAL, [()], 2, seed=0)
