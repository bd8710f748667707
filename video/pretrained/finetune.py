"""Fine-tuning of image-to-video pipelines of diffusers on recorded pushes, whole or by low-rank adapters.

What the transformer is asked is taken from the pipeline itself: it is run for one step with the clip's first
frame and words, and stopped where it calls its transformer. The rest of the pipeline is then not needed.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers.training_utils import cast_training_params
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tasks.data.footage import Footage, read_footage
from video.pretrained.accelerated import accelerated, descend, ends, half_precision
from video.pretrained.families import Asked, Family, family
from video.pretrained.fit import Fit
from video.pretrained.pipeline import BASE, PretrainedError

SPAN: Final = 48.0
"""Control steps of 0.1 s that a clip shows, as those of the bundled video model."""
LAYERS: Final = ("to_q", "to_k", "to_v", "to_out.0")
"""Linear layers that get adapters, in all families."""
MOST: Final = 2000
"""Clips that are kept in memory as latents."""


@dataclass(frozen=True, kw_only=True)
class VideoFinetuneConfig:
    """How a pipeline is fine-tuned."""

    minutes: float
    lora: bool = True
    rank: int = 16
    learning_rate: float = 1e-4
    size: tuple[int, int] = (480, 640)
    """Height and width in pixels."""
    frames: int = 49
    """That it imagines, the first included."""
    seed: int = 0
    steps: int | None = None
    """At most so many; None: as many as the minutes allow."""
    cpu: bool = False
    """Whether a GPU is left alone."""


@dataclass(frozen=True)
class Clip:
    """A recorded push: frames uint8 [F, H, W, 3], the first included, and its words."""

    frames: NDArray[np.uint8]
    text: str


@dataclass(frozen=True)
class Prepared:
    """A clip as its pipeline's transformer knows it."""

    asked: Asked
    clean: Tensor


def recorded(
    root: Path, frames: int, camera: str | None = None, tick: Callable[[], None] = lambda: None
) -> list[Clip]:
    """The pushes of a LeRobotDataset v3.0, or whole episodes where it tells no subgoals; `tick` is told of
    each episode. Raises DatasetError."""
    clips: list[Clip] = []
    for footage in read_footage(root, camera):
        clips += list(_clips(footage, frames))
        tick()
        if len(clips) >= MOST:
            break
    return clips[:MOST]


def _clips(footage: Footage, frames: int) -> Iterator[Clip]:
    """One for each run of frames with the same subgoal; it holds still where the run ends before SPAN."""
    span, last = SPAN / 10 * footage.fps, len(footage.rgb) - 1
    texts = footage.subgoals or (footage.task,) * len(footage.rgb)
    begins = [k for k in range(len(texts)) if not k or texts[k] != texts[k - 1]]
    for begin, end in zip(begins, [*begins[1:], len(texts)], strict=True):
        at = np.minimum(begin + np.linspace(0, span, frames), min(end, last)).round().astype(int)
        yield Clip(footage.rgb[at], texts[begin])


class _Asked(Exception):
    """The pipeline has asked its transformer."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked


@torch.no_grad()
def prepare(pipeline: Any, kind: Family, clip: Clip, config: VideoFinetuneConfig) -> Prepared:
    """A clip as the transformer knows it. Raises PretrainedError for a size that the pipeline does not
    take."""
    fit = Fit((clip.frames.shape[1], clip.frames.shape[2]), config.size)
    large = np.stack([fit.enlarge(frame) for frame in clip.frames])

    def stop(module: Any, args: tuple[Any, ...], asked: Asked) -> None:
        raise _Asked(asked)

    hook = pipeline.transformer.register_forward_pre_hook(stop, with_kwargs=True)
    video = torch.from_numpy(large).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    try:
        asked = _asked(pipeline, Image.fromarray(large[0]), clip.text, len(large))
        clean = kind.encode(pipeline, video.to(pipeline.transformer.device)).to(pipeline.transformer.dtype)
        kind.exercise(pipeline, asked, clean, torch.Generator())
    except (ValueError, RuntimeError, TypeError, IndexError) as error:
        raise PretrainedError(
            f"base: {type(pipeline).__name__} fails at {config.size[0]}x{config.size[1]} pixels, "
            f"{config.frames} frames: {' '.join(str(error).split())[:200]}; choose others"
        ) from error
    finally:
        hook.remove()
    return Prepared({**asked, "return_dict": False}, clean)


def _asked(pipeline: Any, image: Image.Image, text: str, frames: int) -> Asked:
    """What the pipeline asks its transformer first, where a hook stops it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pipelines warn of what they round, cast and deprecate
        try:
            pipeline(
                image=image, prompt=text, height=image.height, width=image.width, num_frames=frames,
                num_inference_steps=1, guidance_scale=1.0, output_type="latent",
            )  # fmt: skip
        except _Asked as found:
            return found.asked
    raise ValueError("it did not ask its transformer")


def finetune(
    pipeline: Any,
    clips: Sequence[Clip],
    config: VideoFinetuneConfig,
    tick: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """Train the pipeline's transformer on clips, in place; what came of it. `tick` is told how many seconds
    each step took. Raises PretrainedError."""
    kind, transformer = family(pipeline), pipeline.transformer
    given = transformer.dtype
    pipeline.set_progress_bar_config(disable=True)
    accelerator = accelerated(cpu=config.cpu)
    pipeline.to(accelerator.device)
    learned = _learning(transformer, config)
    optimizer = torch.optim.AdamW(learned, lr=config.learning_rate, weight_decay=0.0)
    model, optimizer = accelerator.prepare(transformer.train(), optimizer)
    draws = torch.Generator().manual_seed(config.seed + accelerator.process_index)
    known: dict[int, Prepared] = {}

    def loss() -> Tensor:
        number = int(torch.randint(len(clips), (), generator=draws))
        if number not in known:
            known[number] = prepare(pipeline, kind, clips[number], config)
        exercise = kind.exercise(pipeline, known[number].asked, known[number].clean, draws)
        with half_precision(accelerator, given):
            answer = model(**exercise.asked)[0]
        errors = exercise.weight * (answer.float() - exercise.target.float()) ** 2
        return torch.as_tensor(errors.mean() / exercise.weight.float().mean())

    losses = descend(
        accelerator, learned, optimizer, loss, minutes=config.minutes, most=config.steps, tick=tick
    )
    first, last = ends(losses)
    transformer.to(given)
    transformer.eval()
    return {
        "steps": len(losses),
        "clips": len(clips),
        "first_loss": first,
        "last_loss": last,
        "trained": sum(parameter.numel() for parameter in learned),
    }


def save(pipeline: Any, folder: Path, *, base: str, lora: bool) -> None:
    """Write the pipeline, or its adapters with the name of their base, so that `--video diffusers:FOLDER`
    loads it."""
    if not lora:
        pipeline.save_pretrained(folder, safe_serialization=True)
        return
    from peft import get_peft_model_state_dict

    layers = get_peft_model_state_dict(pipeline.transformer)
    pipeline.save_lora_weights(folder, transformer_lora_layers=layers, safe_serialization=True)
    (folder / BASE).write_text(json.dumps({"base": base}) + "\n", encoding="utf-8")


def _learning(transformer: Any, config: VideoFinetuneConfig) -> list[Any]:
    """The parameters that learn, in full precision: adapters, or all."""
    transformer.requires_grad_(not config.lora)
    if config.lora:
        from peft import LoraConfig

        adapters = LoraConfig(r=config.rank, lora_alpha=config.rank, target_modules=list(LAYERS))
        transformer.add_adapter(adapters)
    cast_training_params(transformer, dtype=torch.float32)
    return [parameter for parameter in transformer.parameters() if parameter.requires_grad]
