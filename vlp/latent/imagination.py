"""Imagination: a trained model of video and action as what an agent asks, with pictures of any size.

Nothing here knows a world. Weights are those of `vlp train world`; in folders `vlm` and `policy` beside them,
where they are, those of `vlp train world-vlm` and `vlp train world-policy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from planner import Frames, Proposal, StepsToGo
from video.latent.bundle import LatentBundle
from video.latent.pipeline import LatentPipeline
from video.latent.policy.network import ANY_TIME
from video.latent.policy.policy import FOLDER as POLICY
from video.latent.policy.policy import PicturePolicy
from video.latent.policy.told import ToldPolicy
from vlp.errors import WeightsError
from vlp.latent.folder import VLM, opened, policy_of, verify_latent
from vlp.models.device import choose_device
from vlp.models.weights import Hashes
from vlp.vlm.latent.vlm import LatentVLM


class Imagination:
    """See `video.latent.pipeline.LatentPipeline`. Pictures come and go in the size in which they are given,
    and are scaled to that of the weights between.

    Args:
        bundle: the weights.
        vlm: learned beside them; None: nobody tells steps-to-go.
        policy: learned beside them; None: clips are followed by explaining them, or where the weights are not
            of the whole network, by their words.
        steps: of sampling.
    """

    def __init__(
        self,
        bundle: LatentBundle,
        vlm: LatentVLM | None = None,
        policy: PicturePolicy | None = None,
        *,
        steps: int,
    ) -> None:
        self.bundle, self.vlm = bundle, vlm
        self.pipeline = LatentPipeline(bundle, steps=steps)
        told = None if bundle.is_whole else ToldPolicy(self.pipeline)
        self.policy: PicturePolicy | ToldPolicy | None = policy or told

    @classmethod
    def load(
        cls, folder: Path | None, *, device: str = "auto", steps: int, width: int, imagines: bool = True
    ) -> Self:
        """Read a folder whose model sends actions of so many numbers. Raises WeightsError, also for one that
        only acts where it is to imagine."""
        hashes(folder)
        assert folder is not None
        place = choose_device(device)
        bundle = opened(folder, place, imagines=imagines)
        policy = policy_of(bundle, folder) if (folder / POLICY).is_dir() else None
        learned = len(bundle.scale.action_mean)
        if learned != width:
            raise WeightsError(
                f"models: expected weights for actions of {width} numbers, got {learned} in {folder}: "
                "they are another world's; train on this one's data"
            )
        vlm = LatentVLM.load(folder / VLM, device=place) if (folder / VLM).is_dir() else None
        return cls(bundle, vlm, policy, steps=steps)

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        """Clips uint8 [N, T, H, W, 3] that go on from frames uint8 [N, H, W, 3], see planner.VideoModel."""
        return self.joint(frames, subgoals, seeds)[0]

    def joint(
        self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]
    ) -> tuple[Frames, NDArray[np.float32]]:
        """The same, and the actions [N, T * stride, A] that the clips were imagined with."""
        drawn, actions = self.pipeline.joint(self._in(frames), subgoals, seeds)
        return scaled(drawn, (frames.shape[1], frames.shape[2])), actions

    def explain(
        self, frames: Frames, clips: Frames, seeds: Sequence[int], subgoals: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        """Actions [N, T * stride, A] that lead along clips [N, T, H, W, 3]."""
        return self.pipeline.explain(self._in(frames), self._in(clips), seeds, subgoals)

    def reach(
        self, frame: Frames, wanted: Frames | None, left: int = ANY_TIME, words: str = ""
    ) -> NDArray[np.float32]:
        """Actions [k, A] from a picture uint8 [H, W, 3] to another one that is wanted in so many steps, with
        the subgoal's words; by the policy, which must be there, see `PicturePolicy.actions`."""
        assert self.policy is not None, "expected a policy beside the weights"
        shown = None if wanted is None else self._in(wanted)
        return self.policy.actions(self._in(frame), shown, left, words)

    def act(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Actions [N, T * stride, A] from words, without a clip."""
        return self.pipeline.act(self._in(frames), subgoals, seeds)

    def likely(self, frames: Frames, subgoals: Sequence[str]) -> NDArray[np.float32]:
        """Actions [N, T * stride, A] that words make likely, by the action prior alone."""
        return self.pipeline.likely(self._in(frames), subgoals)

    def inconsistency(
        self, frames: Frames, clips: Frames, seeds: Sequence[int], subgoals: Sequence[str]
    ) -> NDArray[np.float32]:
        """[N], how far each clip is from what its own explained actions are predicted to lead to: mean
        difference of pixels as a share of full brightness."""
        small = self._in(clips)
        actions = self.pipeline.explain(self._in(frames), small, seeds, subgoals)
        again = self.pipeline.predict(self._in(frames), actions, seeds, subgoals)
        apart = np.abs(again.astype(np.float32) - small.astype(np.float32)) / 255
        return np.asarray(apart.mean((1, 2, 3, 4)), np.float32)

    def steps_to_go(self, frames: Frames, goal: str) -> StepsToGo:
        """See planner.Value; by the VLM, which must be there."""
        assert self.vlm is not None, "expected a VLM beside the weights"
        return self.vlm.steps_to_go(self._in(frames), goal)

    def chance(self, frame: Frames, goal: str) -> float:
        """0..1 that a goal is reached in a frame uint8 [H, W, 3]; by the VLM, which must be there."""
        assert self.vlm is not None, "expected a VLM beside the weights"
        return self.vlm.chance(self._in(frame[None])[0], goal)

    def knows(self, frame: Frames) -> bool:
        """Whether a picture uint8 [H, W, 3] is one of those it was trained on: drawn again, it is nearer than
        a flat picture of its mean colour."""
        shown = self._in(frame[None])
        small, again = shown.astype(np.float32), self.pipeline.redraw(shown).astype(np.float32)
        flat = small.mean((1, 2), keepdims=True)
        return bool(np.abs(again - small).mean() < np.abs(flat - small).mean())

    def is_over(self, begun: Frames, now: Frames, words: str) -> bool:
        """Whether a subgoal is over in a picture uint8 [H, W, 3], of which another one shows how it was
        before; by what was trained for it, which must be there."""
        return self.pipeline.is_over(self._in(begun), self._in(now), words)

    def propose(self, frames: Frames, goal: str, n: int, *, seed: int) -> list[list[Proposal]]:
        """See planner.Proposer; by the VLM, which must be there."""
        assert self.vlm is not None, "expected a VLM beside the weights"
        return self.vlm.propose(self._in(frames), goal, [()] * len(frames), n, seed=seed)

    def _in(self, frames: Frames) -> Frames:
        small = scaled(frames, self.bundle.size)
        return small if self.bundle.exposure is None else self.bundle.exposure(small)


def scaled(frames: Frames, size: tuple[int, int]) -> Frames:
    """Pictures uint8 [..., H', W', 3] in a height and width."""
    if frames.shape[-3:-1] == size:
        return frames
    flat = frames.reshape(-1, *frames.shape[-3:])
    kind = Image.Resampling.BOX if size[0] < frames.shape[-3] else Image.Resampling.BILINEAR
    small = [np.asarray(Image.fromarray(one).resize((size[1], size[0]), kind)) for one in flat]
    return np.stack(small).reshape(*frames.shape[:-3], *size, 3)


def hashes(folder: Path | None) -> Hashes:
    """Part -> file -> SHA-256 of all that is loaded. Raises WeightsError, also for no folder at all."""
    if folder is None:
        raise WeightsError("models: expected --models PATH, weights of vlp train world, got none; train some")
    return verify_latent(folder)
