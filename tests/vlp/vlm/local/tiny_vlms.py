"""Image-text-to-text models of real classes, tiny and untrained, with processors, as folders that load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    GemmaConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
)

from tasks.tabletop.language.subgoals import BOARD, every_subgoal
from tasks.tabletop.world.board import BLOCK_8
from vlp.vlm import prompts
from vlp.vlm.local.processor import for_pictures

CHAT = (
    "{% for message in messages %}{{ message['role'] }}: {% for part in message['content'] %}"
    "{% if part is string %}{{ part }}{% elif part['type'] in ('image', 'image_url') %}IMAGE"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}\n{% endfor %}assistant: "
)
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {**SMALL, "image_size": 32, "patch_size": 8, "num_channels": 3}
TEXT = {**SMALL, "num_key_value_heads": 2, "max_position_embeddings": 4096}


def tokenizer(*special: str) -> PreTrainedTokenizerFast:
    """Byte-level, trained on our own prompts."""
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    names = ["<pad>", "<s>", "</s>", *special]
    corpus = [BOARD.system, BOARD.forms, prompts.digits(BOARD, "x", 2), *every_subgoal(BLOCK_8)[:300]]
    own.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=600,
            special_tokens=names,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=own,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=list(special),
        padding_side="left",
    )


def ids(words: PreTrainedTokenizerFast) -> dict[str, int]:
    return {"vocab_size": len(words), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


def llava() -> tuple[Any, Any]:
    words = tokenizer("<image>")
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**VISION),
        text_config=LlamaConfig(**TEXT, **ids(words)),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    eye = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        eye,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT.replace("IMAGE", "<image>"),
    )
    return LlavaForConditionalGeneration(config), processor


def paligemma() -> tuple[Any, Any]:
    words = tokenizer("<image>")
    config = PaliGemmaConfig(
        vision_config=SiglipVisionConfig(**VISION, projection_dim=32),
        text_config=GemmaConfig(**TEXT, head_dim=16, **ids(words)),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        projection_dim=32,
    )
    eye = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    eye.image_seq_length = 16
    return PaliGemmaForConditionalGeneration(config), PaliGemmaProcessor(eye, words)


def idefics3() -> tuple[Any, Any]:
    special = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    words = tokenizer(*special, *(f"<row_{i}_col_{j}>" for i in range(1, 5) for j in range(1, 5)))
    config = Idefics3Config(
        vision_config=VISION,
        text_config=LlamaConfig(**TEXT, **ids(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    eye = Idefics3ImageProcessorPil(
        size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False
    )
    processor = Idefics3Processor(eye, words, image_seq_len=4, chat_template=CHAT.replace("IMAGE", "<image>"))
    return Idefics3ForConditionalGeneration(config), processor


def qwen3() -> tuple[Any, Any]:
    special = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    words = tokenizer(*special)
    number = words.convert_tokens_to_ids
    config = Qwen3VLConfig(
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 8,
            "out_hidden_size": 32, "spatial_merge_size": 2, "temporal_patch_size": 2,
            "num_position_embeddings": 64, "deepstack_visual_indexes": [0],
        },
        text_config={
            **TEXT, **ids(words), "head_dim": 16,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]},
        },
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )  # fmt: skip
    eye = Qwen2VLImageProcessorPil(patch_size=8, merge_size=2, min_pixels=32 * 32, max_pixels=64 * 64)
    template = CHAT.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    processor = for_pictures(Qwen3VLProcessor)(eye, words, chat_template=template)
    return Qwen3VLForConditionalGeneration(config), processor


KINDS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "llava": llava,
    "paligemma": paligemma,
    "idefics3": idefics3,
    "qwen3-vl": qwen3,
}


def build(kind: str, seed: int = 0) -> tuple[Any, Any]:
    """A model and its processor."""
    torch.manual_seed(seed)
    model, processor = KINDS[kind]()
    return model.eval(), processor


def save(kind: str, folder: Path) -> Path:
    """Write them as a folder of safetensors."""
    model, processor = build(kind)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
