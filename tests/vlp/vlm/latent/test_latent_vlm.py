"""The learned VLM at a small size, on pictures of a square that goes where it is told."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from planner import Proposer, Value
from tasks.data.layout import DatasetError
from tasks.tabletop.demos.lerobot_write import LeRobotWriter
from tests.video.latent.conftest import WAYS, half_failed, square, two_subgoals, write
from video.latent import autoencoder, text
from video.latent.asked import WorldTraining
from video.latent.clips import LatentClips
from video.latent.config import LatentConfig
from video.latent.ends import SUBGOAL, TASK, Ends
from video.latent.latents import Latents
from video.latent.run import network, train_world
from video.latent.store import FrameStore, pack
from vlp.errors import WeightsError
from vlp.vlm.latent import words
from vlp.vlm.latent.lessons import (
    IGNORED,
    OTHERS,
    Clock,
    Lessons,
    mixed,
)
from vlp.vlm.latent.model import Hints, Network, NetworkConfig, build, loss
from vlp.vlm.latent.train import VlmTraining, train_vlm
from vlp.vlm.latent.vlm import LatentVLM

SMALL = NetworkConfig(patch=2, width=64, layers=2, heads=2)
SIZES = LatentConfig(frames=3, seconds=0.3, width=64, layers=3, text_layers=1)


class Numbers:
    """Each frame's number in the place of its latents."""

    def __init__(self, store: FrameStore) -> None:
        self._count = len(store)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: np.ndarray[Any, Any]) -> torch.Tensor:
        return torch.from_numpy(index)


def training(root: Path, minutes: float, make: Callable[[Path], object] = write) -> VlmTraining:
    """A run on eight episodes beside a model of video and action that was hardly trained."""
    data = root / "data"
    if not data.exists():
        make(data)
        world = WorldTraining(
            data=[data], folder=root, config=SIZES, minutes=0, autoencoder_minutes=5, autoencoder_steps=2
        )
        train_world(world, lambda _: None)
    return VlmTraining(
        data=[data], world=root, folder=root / "vlm", minutes=minutes, sizes=SIZES, config=SMALL
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return half_failed(tmp_path_factory.mktemp("vlm"))


def hints_of(store: FrameStore, latents: Latents, reader: Any) -> Hints:
    """Of a model of video and action that was not trained."""
    clips = LatentClips(store, latents, reader, SIZES)
    hints: Hints = Hints.of(network(SIZES, clips, reader).prior, clips.scale, SMALL.width)
    return hints


@pytest.fixture(scope="module")
def taught(store: FrameStore) -> LatentVLM:
    """One that has learned every moment of eight episodes by heart."""
    torch.manual_seed(0)
    tokenizer = words.learn(store.texts)
    eye = autoencoder.build(SIZES)
    latents = Latents(eye, store)
    reader = text.learn(store.texts)
    lessons = Lessons(store, latents, tokenizer, reader)
    model = Network(build(len(tokenizer), latents.shape, SMALL), hints_of(store, latents, reader))
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, (0.9, 0.98))
    batches, errors = lessons.batches(32, 0), []
    for step in range(300):
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, (step + 1) / 60)
        error, _ = loss(model, next(batches))
        optimizer.zero_grad()
        error.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        errors.append(float(error.detach()))
    assert np.mean(errors[-10:]) < 0.25 * np.mean(errors[:3])
    return LatentVLM(model, eye, tokenizer, reader, lessons.clock)


def test_moments_are_asked_and_answered(store: FrameStore) -> None:
    tokenizer = words.learn(store.texts)
    lessons = Lessons(store, Numbers(store), tokenizer, tokenizer)

    right = store.texts.index("go right")

    def said(*question: object) -> str:
        before, after = lessons.at((*question[:2], right, *question[2:]))  # type: ignore[arg-type]
        return str(tokenizer.decode(before + after))

    assert said(0, words.SUBGOAL, None).split() == ["go", "right<subgoal>", "go", "right<end>"]
    assert said(0, words.DONE, 1).endswith("<done><yes>") and said(0, words.DONE, 0).endswith("<done><no>")
    assert said(0, words.STEPS, words.BINS - 1).endswith(f"<steps><steps{words.BINS - 1}>")


def test_no_time_is_told_of_failures(store: FrameStore) -> None:
    tokenizer = words.learn(store.texts)
    lessons = Lessons(store, Numbers(store), tokenizer, tokenizer)
    (steps,) = words.of(tokenizer, words.STEPS)
    episode = np.searchsorted(store.stop, np.arange(len(store)), side="right")
    failed = set(np.flatnonzero(~store.success[episode]))
    for _, batch in zip(range(20), lessons.batches(16, 0), strict=False):
        for frame, tokens in zip(batch["latents"][batch["about"]], batch["tokens"], strict=True):
            assert not (steps in tokens.tolist() and int(frame) in failed)
        assert (batch["labels"] != IGNORED).any(1).all()


def test_bins_of_time_are_finer_near_the_end() -> None:
    clock = Clock(500.0)
    assert clock.bin(0.0) == 0 and clock.bin(500.0) == words.BINS - 1 and clock.bin(9e9) == words.BINS - 1
    assert (np.diff(clock.centres) > 0).all() and np.diff(clock.centres)[0] < 1 < np.diff(clock.centres)[-1]


def test_what_it_was_taught_it_says(taught: LatentVLM, store: FrameStore) -> None:
    assert isinstance(taught, Proposer) and isinstance(taught, Value)
    first, last = int(store.start[0]), int(store.stop[0]) - 1
    frames = np.asarray(store.frames[[first, last]])
    for goal in ("go right", "go down"):
        for row in taught.propose(frames, goal, [(), ()], 3, seed=1):
            assert row[0].text == goal and row[0].probability > 0.8
            assert len({proposal.text for proposal in row}) == len(row)
    told = taught.steps_to_go(np.asarray(store.frames[first : last + 1]), "go right")
    truth = np.arange(last - first, -1, -1)
    assert np.corrcoef(told.mean, truth)[0, 1] > 0.9 and (told.spread >= 0).all()
    assert told.mean[-1] < 6 and told.mean[0] > 14
    assert taught.success(frames[1], "go right").reached and not taught.success(frames[0], "go right").reached


def test_what_the_dataset_never_says_is_proposed_only_where_nothing_else_is(
    taught: LatentVLM, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.asarray(store.frames[:1])
    monkeypatch.setattr(taught, "_sample", lambda *_: ["go go"] * 3 + ["go right", "go down", "go down"])
    monkeypatch.setattr(taught, "_subgoals", frozenset({"go right", "go down", "go up"}))
    (row,) = taught.propose(frames, "go right", [()], 3, seed=1)
    assert [proposal.text for proposal in row] == ["go down", "go right"]
    assert [proposal.probability for proposal in row] == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    monkeypatch.setattr(taught, "_subgoals", frozenset({"go up"}))
    assert taught.propose(frames, "go right", [()], 3, seed=1)[0][0].text == "go go"


def test_the_same_seed_says_the_same(taught: LatentVLM, store: FrameStore) -> None:
    frames = np.asarray(store.frames[:3])
    one, other = (taught.propose(frames, "go down", [()] * 3, 4, seed=5) for _ in range(2))
    assert one == other


def test_a_long_goal_is_cut_not_refused(taught: LatentVLM, store: FrameStore) -> None:
    assert np.isfinite(taught.steps_to_go(np.asarray(store.frames[:1]), "go right " * 200).mean).all()


def test_weights_say_the_same_when_they_are_read_back(
    taught: LatentVLM, store: FrameStore, tmp_path: Path
) -> None:
    taught.save(tmp_path)
    again, frames = LatentVLM.load(tmp_path), np.asarray(store.frames[:4])
    expected = taught.steps_to_go(frames, "go right").mean
    np.testing.assert_allclose(again.steps_to_go(frames, "go right").mean, expected, atol=0.5, rtol=0.05)
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(WeightsError, match=r"expected a VLM of `vlp train world-vlm`"):
        LatentVLM.load(tmp_path)


def test_poses_are_not_looked_at(tmp_path: Path) -> None:
    def learned(poses: float) -> dict[str, torch.Tensor]:
        root = tmp_path / f"{poses}"
        store = pack([write(root / "data", poses)], root / "store", report=lambda _: None)
        torch.manual_seed(0)
        latents = Latents(autoencoder.build(SIZES), store)
        tokenizer, reader = words.learn(store.texts), text.learn(store.texts)
        lessons = Lessons(store, latents, tokenizer, reader)
        model = Network(build(len(tokenizer), latents.shape, SMALL), hints_of(store, latents, reader))
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
        for _, batch in zip(range(20), lessons.batches(8, 0), strict=False):
            optimizer.zero_grad()
            loss(model, batch)[0].backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return dict(model.state_dict())

    one, other = learned(0.0), learned(123.0)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_it_needs_the_eye_of_a_model_of_video(tmp_path: Path) -> None:
    run = VlmTraining(data=[write(tmp_path / "data")], world=tmp_path, folder=tmp_path / "vlm", minutes=0)
    with pytest.raises(DatasetError, match=r"expected an autoencoder in .*, got none; run `vlp train world`"):
        train_vlm(run, lambda _: None)


def test_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    run = training(tmp_path, 0.001)
    train_vlm(run, lambda _: None)
    before = torch.load(tmp_path / "vlm" / "network" / "checkpoint.pt", weights_only=True)["step"]
    train_vlm(run, lambda _: None)
    after = torch.load(tmp_path / "vlm" / "network" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < before < after


def test_hints_are_of_the_goal_and_are_kept(taught: LatentVLM, store: FrameStore, tmp_path: Path) -> None:
    """What the prior sees is told to the words, by the goal's own; loaded again, it says the same."""
    frames = np.asarray(store.frames[:2])
    one, other = taught._see(frames, "go right"), taught._see(frames, "go down")
    ours = taught._network.hints.config.tokens
    torch.testing.assert_close(one[:, :-ours], other[:, :-ours])
    assert not torch.allclose(one[:, -ours:], other[:, -ours:], atol=1e-3)
    taught.save(tmp_path)
    again = LatentVLM.load(tmp_path)._see(frames, "go right")
    torch.testing.assert_close(again, one, atol=0.1, rtol=0.1)


def test_the_prior_is_not_trained_by_it(store: FrameStore) -> None:
    tokenizer = words.learn(store.texts)
    latents = Latents(autoencoder.build(SIZES), store)
    lessons = Lessons(store, latents, tokenizer, tokenizer)
    model = Network(build(len(tokenizer), latents.shape, SMALL), hints_of(store, latents, tokenizer))
    loss(model, next(lessons.batches(4, 0)))[0].backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in model.hints.prior.parameters())
    assert model.hints.out.weight.grad is not None and model.hints.out.weight.grad.any()


def test_the_chance_of_an_end_is_that_among_all_moments(store: FrameStore) -> None:
    """Ends are asked about far more often than they come."""
    clock = Clock(10.0, often=(1.0, 9.0))
    assert clock.chance(0.9) == pytest.approx(0.5) and clock.chance(0.9, SUBGOAL) == pytest.approx(0.9)
    assert Clock(10.0).chance(0.3) == pytest.approx(0.3)
    tokenizer = words.learn(store.texts)
    lessons = Lessons(store, Numbers(store), tokenizer, tokenizer)
    assert lessons.clock.often == (Ends(store, SUBGOAL).often, Ends(store, TASK).often)


def test_both_kinds_of_ends_are_asked_about(store: FrameStore) -> None:
    two = two_subgoals(store)
    tokenizer = words.learn(two.texts)
    lessons, rng = Lessons(two, Numbers(two), tokenizer, tokenizer), np.random.default_rng(0)
    asked = [lessons.draw(rng) for _ in range(3000)]
    done = [(frame, of) for ((frame, what, of, _), *_) in asked if what == words.DONE]
    of_subgoals = np.mean([of != two.text[frame, TASK] for frame, of in done])
    assert 0.1 < of_subgoals < 0.5 and len(done) / len(asked) == pytest.approx(3 / 8, abs=0.04)


def test_a_frame_is_seen_once_for_what_is_next_and_how_long_it_takes(store: FrameStore) -> None:
    """Of failures nobody knows how long it would have taken."""
    tokenizer = words.learn(store.texts)
    lessons, rng = Lessons(store, Numbers(store), tokenizer, tokenizer), np.random.default_rng(0)
    known = []
    for questions in (lessons.draw(rng) for _ in range(400)):
        if questions[0][1] == words.SUBGOAL:
            episode = int(np.searchsorted(store.stop, questions[0][0], side="right"))
            known.append((len(questions) == 2, bool(store.success[episode])))
            assert len({(frame, of) for frame, _, of, _ in questions}) == 1
    assert set(known) == {(True, True), (False, False)}
    batch = lessons.batch([[(3, words.SUBGOAL, 0, None), (3, words.STEPS, 0, 1)], [(5, words.DONE, 1, 0)]])
    assert batch["about"].tolist() == [0, 0, 1] and batch["latents"].tolist() == [3.0, 5.0]
    assert len(batch["tokens"]) == len(batch["labels"]) == 3


def test_of_corrections_the_ends_of_subgoals_are_asked_about(store: FrameStore, tmp_path: Path) -> None:
    tokenizer = words.learn(store.texts)
    first = Lessons(store, Numbers(store), tokenizer, tokenizer)
    other = Lessons(store, Numbers(store), tokenizer, tokenizer, ends=True)
    rng = np.random.default_rng(0)
    asked = Counter(other.draw(rng)[0][1] for _ in range(400))
    assert set(asked) == {words.DONE, words.SUBGOAL} and 70 < asked[words.SUBGOAL] < 130
    (steps,) = words.of(tokenizer, words.STEPS)
    alike = [
        not (batch["tokens"] == steps).any()
        for _, batch in zip(range(20), mixed(first, [other], [], 64, 0), strict=False)
    ]
    assert alike == [number % OTHERS == 0 for number in range(1, 21)]
    run = replace(training(tmp_path, 0.001), corrected=[write(tmp_path / "more")])
    train_vlm(run, lambda _: None)
    assert list((tmp_path / "corrected").glob("*/latents/values.npy"))


def test_most_questions_are_about_time_lapses_where_there_are_some(store: FrameStore, tmp_path: Path) -> None:
    tokenizer = words.learn(store.texts)
    first, lapses = (Lessons(store, Numbers(store), tokenizer, tokenizer) for _ in range(2))
    drawn: list[str] = []

    def telling(lessons: Lessons, name: str) -> Any:
        def batches(size: int, seed: int) -> Any:
            for batch in Lessons.batches(lessons, size, seed):
                drawn.append(name)
                yield batch

        return batches

    first.batches, lapses.batches = telling(first, "first"), telling(lapses, "lapses")  # type: ignore[method-assign]
    for _ in zip(range(10), mixed(first, [], [lapses], 4, 0), strict=False):
        pass
    assert Counter(drawn[:10]) == {"first": 2, "lapses": 8}


def test_where_nothing_can_be_chosen_no_time_is_kept_for_it(tmp_path: Path) -> None:
    run = training(tmp_path, 0.001)
    train_vlm(replace(run, choice_minutes=0.002), lambda _: None)
    record = json.loads((run.folder / "record.json").read_text())
    assert record["config"]["minutes"] == pytest.approx(0.003)
    assert not (run.world / "weights/vlm/choice").exists()


def test_what_an_agent_did_is_learned_from_as_time_lapses_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By all three: as many of the samples."""
    run, sizes = training(tmp_path, 0.001), dict[str, list[int]]()
    lapses, own = write(tmp_path / "slow", fps=2), write(tmp_path / "own", fps=5)

    def kept(name: str) -> Any:
        def train(sight: object, scale: object, some: Any, *_: object, **__: object) -> None:
            sizes[name] = [len(each._store) for each in some]

        return train

    for name in ("choice", "progress"):
        monkeypatch.setattr(f"vlp.vlm.latent.train.train_{name}", kept(name))
    train_vlm(replace(run, timelapses=[lapses], own=[own]), lambda _: None)
    assert {name: len(some) for name, some in sizes.items()} == {"choice": 5, "progress": 7}
    assert len(list((tmp_path / "corrected").glob("*/latents/values.npy"))) == 2


def test_time_lapses_are_of_any_rate_and_corrections_are_not(tmp_path: Path) -> None:
    run = training(tmp_path, 0.001)
    slow = write(tmp_path / "slow", fps=2)
    train_vlm(replace(run, timelapses=[slow]), lambda _: None)
    with pytest.raises(DatasetError, match="rate"):
        train_vlm(replace(run, corrected=[slow]), lambda _: None)


def walks(root: Path) -> None:
    """Eight episodes of one task, on the way to which two things are said."""
    rng = np.random.default_rng(1)
    with LeRobotWriter(root, fps=10) as writer:
        for number in range(8):
            one = square(rng, list(WAYS)[number % 2])
            later = len(one.subgoal) // 3
            said = (*one.subgoal[later:], *(["stop"] * later))
            writer.add(replace(one, instruction="walk", subgoal=said))


def test_tasks_that_are_not_read_to_their_end_are_not_learned_from(tmp_path: Path) -> None:
    """That half of what is asked is all would be learned."""
    long = "go right" + " and then right" * 12

    def half(root: Path, words: tuple[str, str] = ("go right", long)) -> None:
        rng = np.random.default_rng(1)
        with LeRobotWriter(root, fps=10) as writer:
            for number in range(8):
                writer.add(replace(square(rng, "go right"), instruction=words[number % 2]))

    told: list[str] = []
    train_vlm(training(tmp_path / "half", 0.001, half), told.append)
    assert "4 of 8 episodes are left out: their tasks are too long to be read" in told
    with pytest.raises(DatasetError, match=r"expected tasks of at most 24 tokens .*, got longer ones alone"):
        train_vlm(training(tmp_path / "all", 0.001, lambda root: half(root, (long, long))), told.append)


def test_a_training_begins_from_a_vlm_of_another(tmp_path: Path) -> None:
    """All its parts, with its words, its clock and what it has heard; one of another model is refused."""
    minutes: dict[str, Any] = {"choice_minutes": 0.002, "progress_minutes": 0.002}
    first = replace(training(tmp_path / "one", 0.001, walks), **minutes)
    train_vlm(first, lambda _: None)
    begun, plain = first.world / "weights", write(tmp_path / "plain")
    for part in ("model", "hints", "choice", "progress"):  # what was trained so little is much like untrained
        path = next((begun / "vlm" / part).glob("*.safetensors"))
        save_file({name: value + 0.125 for name, value in load_file(path).items()}, path, {"format": "pt"})
    no = shutil.ignore_patterns("vlm", "store", "latents")
    shutil.copytree(first.world, tmp_path / "two", ignore=no)
    run = replace(training(tmp_path / "two", 0.001), data=[plain], start=begun, learning_rate=1e-9)
    train_vlm(replace(run, **minutes), lambda _: None)
    found = tmp_path / "two/weights"
    for part in ("model", "hints", "choice", "progress"):
        old, new = (load_file(next((root / "vlm" / part).glob("*.safetensors"))) for root in (begun, found))
        assert all(torch.allclose(old[name], new[name], atol=1e-2) for name in old), part
    for name in ("clock.json", "said.json"):
        assert (found / "vlm" / name).read_text() == (begun / "vlm" / name).read_text()
    heard = json.loads((found / "vlm/subgoals.json").read_text())
    assert set(heard) == {*WAYS, "stop"}
    kept = {**minutes, "learning_rate": 1.0, "kept": 1.0}
    train_vlm(replace(run, folder=tmp_path / "kept", **kept), lambda _: None)
    for part in ("model", "choice", "progress"):
        old, new = (load_file(next((root / "vlm" / part).glob("*.safetensors"))) for root in (begun, found))
        assert all(torch.equal(old[name], new[name]) for name in old), part
    with pytest.raises(WeightsError, match=r"began from \(those of words \w+\), got none; give the same"):
        train_vlm(replace(run, start=None), lambda _: None)
    with pytest.raises(WeightsError, match=r"began from \(none\), got those of words \w+; give the same"):
        train_vlm(replace(first, start=begun), lambda _: None)
    with pytest.raises(WeightsError, match=r"stands beside this model .*, got another autoencoder"):
        train_vlm(replace(training(tmp_path / "three", 0.001), start=begun), lambda _: None)
    with pytest.raises(WeightsError, match=r"expected a VLM of `vlp train world-vlm` in .*nothing"):
        train_vlm(replace(run, start=tmp_path / "nothing"), lambda _: None)
