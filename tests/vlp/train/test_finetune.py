"""Fine-tuning tiny models of real classes on episodes that were really collected."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from tasks.data.footage import read_footage
from tasks.data.layout import SUBGOALS_PATH, DatasetError
from tasks.tabletop.demos.collect import collect
from tasks.tabletop.demos.lerobot_read import read_episodes
from tasks.tabletop.language.subgoals import BOARD
from tests.vlp.vlm.local.tiny_vlms import KINDS, build, save
from vlp.cli.main import main
from vlp.errors import UsageError, WeightsError
from vlp.models.chosen import Pretrained
from vlp.models.diffusers_video import OtherVideo
from vlp.models.pretrained_folder import check_vlm
from vlp.models.weights import BUNDLED
from vlp.vlm.local.finetune import IGNORED, FinetuneConfig, answered, finetune, with_adapters
from vlp.vlm.local.finetune import save as save_tuned
from vlp.vlm.local.lessons import Lesson, lessons, moments
from vlp.vlm.local.local import LocalVLM

# transformers' own PaliGemma processor does what numpy 2 warns of, and its checkpointing has a new name.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),
]
TABLE = ("red_star", "blue_cube")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "set"
    collect(root, episodes=2, kind="long", first_seed=9)  # at most 169 control steps to go: 333 is far off
    return root


# -- data ----------------------------------------------------------------------------------------------


def test_footage_is_what_was_collected(data: Path) -> None:
    for footage, episode in zip(read_footage(data), read_episodes(data), strict=True):
        assert np.array_equal(footage.rgb, episode.rgb)
        assert (footage.task, footage.subgoals) == (episode.instruction, episode.subgoal)
        assert footage.steps_to_go(0) == len(episode) - 1 and footage.steps_to_go(len(episode) - 1) == 0


def test_a_dataset_without_subgoals_will_do(data: Path, tmp_path: Path) -> None:
    """Of another maker: without our own columns, as other robots' datasets are."""
    other = tmp_path / "other"
    shutil.copytree(data, other)
    (other / SUBGOALS_PATH).unlink()
    for file in (other / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(file)
        pq.write_table(table.drop_columns(["success", "source"]), file)
    (footage, _) = read_footage(other)
    assert footage.subgoals == () and footage.success
    known = moments(other, BOARD)
    assert all(not moment.subgoal and np.isfinite(moment.steps) for moment in known)
    assert {next(lessons(known, BOARD, np.random.default_rng(k))).answer for k in range(20)} > {"no"}


def test_failures_without_subgoals_teach_nothing(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(data, other)
    (other / SUBGOALS_PATH).unlink()
    for file in (other / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(file)
        at = table.column_names.index("success")
        pq.write_table(table.set_column(at, "success", pa.array([False] * len(table))), file)
    with pytest.raises(DatasetError, match="with subgoals or a success"):
        moments(other, BOARD)


def test_what_is_no_dataset_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a LeRobotDataset with videos"):
        list(read_footage(tmp_path))
    with pytest.raises(DatasetError, match="expected the video wrist"):
        list(read_footage(data, camera="wrist"))


def test_answers_fit_their_questions(data: Path) -> None:
    source = lessons(moments(data, BOARD), BOARD, np.random.default_rng(0))
    kinds = set()
    for _ in range(200):
        lesson = next(source)
        if "JSON" in lesson.question:
            (name,) = set(json.loads(lesson.answer)) - {"why"}
            assert name in lesson.question
            kinds.add(name)
        elif "digit" in lesson.question:
            assert lesson.answer in "0123456789"
        elif "yes or no" in lesson.question:
            assert lesson.answer in ("yes", "no")
    assert kinds == {"subgoals", "steps_to_go", "reached"}


# -- training ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_answer_is_learned(kind: str, data: Path) -> None:
    _, processor = build(kind)
    batch = [
        Lesson(moment.frame, "?" * k, "yes " * k) for k, moment in enumerate(moments(data, BOARD)[:2], 1)
    ]
    given = answered(processor, batch, BOARD.system)
    for row, lesson in enumerate(batch):
        learned = given["labels"][row][given["labels"][row] != IGNORED]
        assert processor.tokenizer.decode(learned[:-1]) == lesson.answer
        assert learned[-1] == processor.tokenizer.eos_token_id
    assert given["labels"].shape == given["input_ids"].shape == given["attention_mask"].shape


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls_and_the_result_loads_back(kind: str, data: Path, tmp_path: Path) -> None:
    """Whole on all moments, which makes a base that can speak, then by adapters on one of another goal."""
    known = moments(data, BOARD)
    other = [replace(known[0], task="clear the center", subgoal="push the red star up", steps=333.0)]
    before, processor = build(kind)
    whole = FinetuneConfig(minutes=5, steps=40, lora=False, learning_rate=1e-2)
    adapters = FinetuneConfig(minutes=5, steps=35, learning_rate=1e-2)
    base, first = finetune(before, processor, known, BOARD, whole)
    save_tuned(base, processor, tmp_path / "base", base="")
    tuned, second = finetune(base, processor, other, BOARD, adapters)
    save_tuned(tuned, processor, tmp_path / "tuned", base=str(tmp_path / "base"))
    assert (first.steps, second.steps) == (40, 35)
    assert first.last_loss < 0.5 * first.first_loss and second.last_loss < 0.7 * second.first_loss
    assert second.trained < first.trained

    def steps(vlm: LocalVLM) -> float:
        return float(vlm.steps_to_go(known[0].frame[None], "clear the center").mean[0])

    def loaded(name: str) -> LocalVLM:
        return LocalVLM.load(str(tmp_path / name), BOARD.seen_by(lambda frames: [TABLE]))

    here = steps(LocalVLM(tuned, processor, BOARD.seen_by(lambda frames: [TABLE])))
    assert steps(loaded("tuned")) == pytest.approx(here, abs=0.1)
    assert here - steps(loaded("base")) > 20.0, "333 control steps was what it was told"
    files = {path.name for path in (tmp_path / "tuned").iterdir()}
    assert "adapter_model.safetensors" in files and "model.safetensors" not in files


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_leave_the_eye_as_it_is(kind: str) -> None:
    model, _ = build(kind)
    tuned = with_adapters(model, rank=4)
    learned = {name for name, parameter in tuned.named_parameters() if parameter.requires_grad}
    other = ("vision", "visual", "projector", "connector", "lm_head")
    assert learned and all("lora_" in name and not any(part in name for part in other) for name in learned)


@pytest.mark.parametrize("lora", [True, False])
def test_weights_in_half_precision_learn_small_steps(lora: bool, data: Path) -> None:
    """A step of 1e-5 is lost in half precision: what learns is kept in full."""
    model, processor = build("llava")
    model = model.to(torch.bfloat16)
    before = {name: value.clone() for name, value in model.named_parameters()}
    config = FinetuneConfig(minutes=5, steps=12, lora=lora, learning_rate=3e-5, cpu=True)
    tuned, outcome = finetune(model, processor, moments(data, BOARD)[:1], BOARD, config)
    assert np.isfinite(outcome.last_loss)
    if lora:
        parts = {n: p for n, p in tuned.named_parameters() if "lora_B" in n}
        assert all(p.dtype == torch.float32 and p.abs().sum() > 0 for p in parts.values())
    else:
        assert tuned.dtype == torch.bfloat16
        assert sum(bool((value != before[name]).any()) for name, value in tuned.named_parameters()) > 10


def test_pickled_adapters_are_refused(tmp_path: Path) -> None:
    base = save("llava", tmp_path / "base")
    tuned = with_adapters(build("llava")[0], rank=2)
    save_tuned(tuned, build("llava")[1], tmp_path / "tuned", base=str(base))
    weights = tmp_path / "tuned" / "adapter_model.safetensors"
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(WeightsError, match=r"adapter_model\.safetensors"):
        LocalVLM.load(str(tmp_path / "tuned"), BOARD.seen_by(lambda frames: [TABLE]))


def test_torn_weights_are_one_line(tmp_path: Path) -> None:
    folder = save("llava", tmp_path / "base")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(WeightsError) as error:
        LocalVLM.load(str(folder), BOARD.seen_by(lambda frames: [TABLE]))
    assert "\n" not in str(error.value)


# -- the command line ----------------------------------------------------------------------------------


def test_the_command_line_fine_tunes(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, out = save("llava", tmp_path / "base"), tmp_path / "tuned"
    command = ["train", "vlm", "--minutes", "0.02", "--base", str(base), "--lora", "--rank", "4"]
    assert main([*command, "--data", str(data), "--export", str(out), "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert "loss " in said.out and "fine-tuning" not in said.out
    assert 0 <= said.err.find("reading data") < said.err.find("fine-tuning")
    record = json.loads((out / "finetune.json").read_text())
    assert record["steps"] >= 1 and record["rank"] == 4 and record["moments"] > 20
    assert np.isfinite(record["last_loss"])
    LocalVLM.load(str(out), BOARD.seen_by(lambda frames: [TABLE]))
    assert main([*command, "--data", str(data), "--export", str(out)]) == 5  # nothing is overwritten


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["vlm", "--minutes", "1", "--lora"], "lora: expected --base"),
        (["vlm", "--minutes", "1", "--base", "a/b"], "--data, --export"),
        (["policy", "--minutes", "1", "--base", "a/b"], "expected the part vlm or video"),
        (["video", "--minutes", "1", "--size", "64x96"], "size: expected --base"),
        (["vlm", "--minutes", "1", "--base", "a/b", "--frames", "9"], "expected the part video"),
        (["vlm", "--minutes", "1", "--base", "./no", "--data", ".", "--export", "new"], "folder of weights"),
        (["vlm", "--minutes", "1", "--base", "a/b", "--data", ".", "--export", "new"], "LeRobotDataset"),
        (
            ["vlm", "--minutes", "1", "--base", "a/b", "--data", ".", "--export", "new", "--rank", "0"],
            "rank: expected 1",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line(
    flags: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["train", *flags]) == UsageError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line and not list(tmp_path.iterdir())


def refusal(part: str, base: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What fine-tuning `base` says; it has looked at no data and made nothing."""
    before = {path: path.stat().st_mtime_ns for path in base.rglob("*")}
    command = ["train", part, "--minutes", "1", "--base", str(base), "--data", str(folder / "none")]
    capsys.readouterr()
    assert main([*command, "--export", str(folder / "new")]) == WeightsError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert not (folder / "new").exists()
    assert before == {path: path.stat().st_mtime_ns for path in base.rglob("*")}
    return line


def test_our_own_weights_as_a_base_are_told_how_to_be_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, base, name in (
        ("vlm", BUNDLED / "vlm", "vlm"),
        ("vlm", BUNDLED, "vlm"),
        ("video", BUNDLED / "vlm", "vlm"),
        ("video", BUNDLED / "denoiser", "video"),
        ("video", BUNDLED / "whole_denoiser", "whole-video"),
    ):
        line = refusal(part, base, tmp_path, capsys)
        assert "a weights folder of vlp" in line and str(base) in line
        assert f"train it with vlp train {name} --start {BUNDLED}, without --base" in line
    (tmp_path / "copy").mkdir()
    shutil.copy(BUNDLED / "vlm" / "config.json", tmp_path / "copy")  # its eye tells whose it is
    assert "the vlm of a weights folder of vlp" in refusal("vlm", tmp_path / "copy", tmp_path, capsys)
    with pytest.raises(WeightsError, match=f"--weights {BUNDLED}, without --vlm"):
        LocalVLM.load(str(BUNDLED / "vlm"), BOARD.seen_by(lambda frames: [TABLE]))
    with pytest.raises(WeightsError, match=f"--weights {BUNDLED}, without --video"):
        OtherVideo.load(Pretrained(source=str(BUNDLED / "denoiser")), device="cpu")


def test_a_base_that_lacks_a_part_is_told_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = save("llava", tmp_path / "whole")
    check_vlm("base", str(whole))
    for number, (gone, said) in enumerate(
        {
            "config.json": "without config.json;",
            "*.safetensors": r"without *.safetensors;",
            "*processor_config.json": "without image processor (preprocessor_config.json",
            "tokenizer*": "without tokenizer (tokenizer.json);",
        }.items()
    ):
        base = tmp_path / str(number)
        shutil.copytree(whole, base)
        for path in base.glob(gone):
            path.unlink()
        line = refusal("vlm", base, tmp_path, capsys)
        assert said in line and "give a whole folder" in line
    assert "a single model" in refusal("video", whole, tmp_path, capsys)


def test_a_pipeline_that_lacks_a_part_is_told_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    assert "without model_index.json" in refusal("video", base, tmp_path, capsys)
    index = {"_class_name": "LTXPipeline", "vae": ["diffusers", "AutoencoderKL"], "extra": [None, None]}
    (base / "model_index.json").write_text(json.dumps(index))
    assert "without vae/;" in refusal("video", base, tmp_path, capsys)
    assert "holds a diffusers pipeline" in refusal("vlm", base, tmp_path, capsys)
    (base / "base.json").write_text('{"base": "a/b"}')
    assert "without pytorch_lora_weights.safetensors" in refusal("video", base, tmp_path, capsys)
