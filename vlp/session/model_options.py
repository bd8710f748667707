"""Model options: other models in the place of bundled ones."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from vlp.errors import UsageError
from vlp.models.chosen import (
    BUNDLED,
    ROLES,
    Hosted,
    Local,
    Models,
    Offload,
    Pretrained,
    Role,
    check_source,
    parse_size,
    split,
)
from vlp.session.listed import HINT, one_or_more_of
from vlp.vlm.hosted.budget import CallLimits
from vlp.vlm.hosted.endpoint_config import EndpointConfig, api_key

_Int = Annotated[int | None, arg(metavar="INT", help_behavior_hint="")]
_Float = Annotated[float | None, arg(metavar="FLOAT", help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """See docs/models.md."""

    vlm: Annotated[str, arg(metavar="WHICH")] = BUNDLED
    """openai:MODEL (a server of chat completions) or transformers:PATH (weights)."""
    vlm_for: Annotated[UseAppendAction[tuple[Annotated[Role, one_or_more_of(Role)], ...]], HINT] = ()
    """What it is asked for (all three); the rest stays with the bundled VLM."""
    vlm_url: Annotated[str | None, arg(metavar="URL", help_behavior_hint="")] = None
    """Of the server's API, else OpenAI's; the key comes from OPENAI_API_KEY."""
    vlm_deadline: _Float = None
    """Seconds for a question with all its retries (20)."""
    vlm_max_calls: _Int = None
    """Calls a run (2000)."""
    vlm_max_tokens: _Int = None
    """Tokens a run."""
    vlm_max_cost: _Float = None
    """US dollars a run; needs the prices."""
    vlm_price: Annotated[tuple[float, float] | None, arg(metavar="GIVEN ANSWERED", help_behavior_hint="")] = (
        None
    )
    """US dollars for a million tokens."""
    vlm_fallback: bool = False
    """Let the bundled VLM take over when this one fails."""
    video: Annotated[str, arg(metavar="WHICH")] = BUNDLED
    """diffusers:PATH (an image-to-video pipeline)."""
    video_steps: _Int = None
    """Denoising steps of that pipeline, else its own."""
    video_guidance: _Float = None
    """Its guidance scale, else its own."""
    video_size: Annotated[str | None, arg(metavar="HxW", help_behavior_hint="")] = None
    """Pixels at which it imagines, else its own."""
    video_frames: _Int = None
    """Frames that it imagines, else its own."""
    video_offload: Offload = "none"
    """What of it waits in main memory while a GPU does the rest."""

    def models(self) -> Models:
        """Which models. Raises UsageError for values, or options together, that make no sense."""
        self._check_unused("vlm_", self.vlm == BUNDLED, "--vlm openai:MODEL or transformers:PATH")
        self._check_unused("video_", self.video == BUNDLED, "--video diffusers:PATH")
        return Models(
            vlm=None if self.vlm == BUNDLED else self._vlm(),
            roles=self.vlm_for or ROLES,
            fallback=self.vlm_fallback,
            video=None if self.video == BUNDLED else self._video(),
        )

    def _check_unused(self, prefix: str, bundled: bool, needed: str) -> None:
        for option in fields(ModelOptions):
            unused = (option.default, ROLES)  # all roles are as good as none named
            if option.name.startswith(prefix) and getattr(self, option.name) not in unused and bundled:
                name = option.name.replace("_", "-")
                raise UsageError(f"{name}: expected {needed} with it, got the bundled one; give both or none")

    def _vlm(self) -> Hosted | Local:
        backend, model = split("vlm", self.vlm, ("openai", "transformers"))
        if backend == "transformers":
            for name in ("vlm_url", "vlm_deadline", "vlm_max_calls", "vlm_max_tokens", "vlm_max_cost"):
                if getattr(self, name) is not None:
                    option = name.replace("_", "-")
                    raise UsageError(f"{option}: expected --vlm openai:MODEL with it, got {self.vlm!r:.60}")
            return Local(source=check_source("vlm", model))
        api_key(self.vlm_url)  # known to be there before anything is loaded
        given = {"calls": self.vlm_max_calls, "tokens": self.vlm_max_tokens, "cost": self.vlm_max_cost}
        limits = CallLimits(price=self.vlm_price, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
        deadline = 20.0 if self.vlm_deadline is None else self.vlm_deadline
        return Hosted(
            endpoint=EndpointConfig(model=model, url=self.vlm_url, deadline=deadline), limits=limits
        )

    def _video(self) -> Pretrained:
        _, source = split("video", self.video, ("diffusers",))
        return Pretrained(
            source=check_source("video", source),
            steps=self.video_steps,
            guidance=self.video_guidance,
            size=None if self.video_size is None else parse_size("video-size", self.video_size),
            frames=self.video_frames,
            offload=self.video_offload,
        )
