"""The bundled VLM behind a server's interface: its twin, which must plan as it does."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import numpy as np
from PIL import Image

from vlp.vlm.hosted.fakes import Answer, Body, reply
from vlp.vlm.hosted.question import SCALE


def frames_of(request: Body) -> np.ndarray:
    """The pictures of a question as they were before they were enlarged, uint8 [N, H, W, 3]."""
    parts = request["messages"][-1]["content"][:-1]
    urls = [part["image_url"]["url"].split(",", 1)[1] for part in parts]
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(url)))) for url in urls]
    return np.stack([picture[::SCALE, ::SCALE] for picture in pictures])


def said(request: Body) -> str:
    """The words of a question."""
    return str(request["messages"][-1]["content"][-1]["text"])


def twin_of(vlm: Any) -> Answer:
    """Answers a hosted VLM's questions as the bundled `vlm` would."""

    def answer(request: Body) -> Body:
        frames, text = frames_of(request), said(request)
        goal = re.search(r"The whole task: (.*)\.\n", text)[1]  # type: ignore[index]
        if "steps_to_go" in text:
            steps = vlm.steps_to_go(frames, goal).mean
            return reply(json.dumps({"steps_to_go": [min(float(step), 1500.0) for step in steps]}))
        if "digit" in text:
            return reply("no log-probabilities here")
        if "reached" in text:
            return reply(json.dumps({"reached": True}))
        count = int(re.search(r"Suggest (\d+) different", text)[1])  # type: ignore[index]
        (found,) = vlm.propose(frames, goal, [()], count, seed=request["seed"])
        return reply(json.dumps({"subgoals": [proposal.text for proposal in found]}))

    return answer
