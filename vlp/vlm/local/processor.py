"""The processor of an image-text-to-text model, also where its part for videos can't be had."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, AutoProcessor
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
from transformers.utils import is_torchvision_available


def load_processor(source: str) -> Any:
    """Of a folder or repository; runs no code of its own. Raises what transformers raises."""
    if not is_torchvision_available():
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
        kind: Any = PROCESSOR_MAPPING.get(type(config), None)
        if kind is not None and "video_processor" in kind.get_attributes():
            return for_pictures(kind).from_pretrained(source)
    return AutoProcessor.from_pretrained(source, trust_remote_code=False)


def for_pictures(kind: Any) -> Any:
    """A class of processors without its part for videos, which needs torchvision; we show pictures only."""
    attributes = [name for name in kind.get_attributes() if name != "video_processor"]
    return type(kind.__name__, (kind,), {"get_attributes": classmethod(lambda cls: attributes)})
