"""One question to a VLM with pictures, as a server of chat completions gets it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any, Final, Generic

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel

from vlp.vlm.hosted.budget import Tokens
from vlp.vlm.hosted.completion import Answer, Read

SCALE: Final = 4
"""A camera's 96 x 128 pixels are shown this many times as large: models made for photographs see more."""
PICTURE_TOKENS: Final = 800
"""What one picture is taken to cost until the server tells."""


@dataclass(frozen=True, kw_only=True)
class Question(Generic[Answer]):
    """One question and how its answer is read."""

    system: str
    text: str
    frames: NDArray[np.uint8]
    """Pictures uint8 [N, H, W, 3]."""
    read: Read[Answer]
    kind: type[BaseModel] | None
    """Of the JSON asked for; None: digits with log-probabilities."""
    seed: int | None = None
    temperature: float = 0.0
    most: int = 400
    """Tokens of an answer."""
    choices: int = 1
    """Answers wanted."""

    def messages(self) -> Any:
        """As the API wants them: pictures as data URLs, then the text."""
        pictures = [{"type": "image_url", "image_url": {"url": data_url(frame)}} for frame in self.frames]
        # Not as a system's role, which some models do not know: they are fine-tuned in these very words.
        content = [*pictures, {"type": "text", "text": f"{self.system}\n\n{self.text}"}]
        return [{"role": "user", "content": content}]

    def tokens(self, n: int) -> Tokens:
        """What it is taken to cost with `n` answers until the reply tells: four characters are about a
        token."""
        words = (len(self.system) + len(self.text)) // 4 + 50
        return Tokens(words + PICTURE_TOKENS * len(self.frames), self.most * n)


def data_url(frame: NDArray[np.uint8]) -> str:
    """A picture uint8 [H, W, 3] as a PNG in a URL, SCALE times as large, each pixel repeated."""
    file = io.BytesIO()
    Image.fromarray(frame.repeat(SCALE, 0).repeat(SCALE, 1)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
