"""A Frechet distance between sets of clips, in the features of an untrained network.

It is no FVD: that one's features are a network's that was trained on Kinetics. These are those of a fixed 3D
convolutional network with random weights, which looks at frames and at how they differ from the first one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from planner import Frames

SEED: Final = 0
"""Of the network's weights."""
FEATURES: Final = 16
WHAT: Final = (
    f"Frechet distance in {FEATURES} features, each divided by its deviation over the true clips, of a 3D "
    f"convolutional network with random weights (seed {SEED}); not FVD"
)
_LOOK: Final = 16
"""Clips that are looked at in one go."""

Features = NDArray[np.float64]
"""[N, FEATURES]."""


class ClipFeatures(nn.Module):
    """Clips [N, 6, T, H, W], frames and differences from the first, to features [N, FEATURES]."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            self.layers = nn.Sequential(
                nn.Conv3d(6, 16, (3, 5, 5), (1, 4, 4), (1, 2, 2)),
                nn.LeakyReLU(0.2),
                nn.Conv3d(16, 32, 3, (1, 2, 2), 1),
                nn.LeakyReLU(0.2),
                nn.Conv3d(32, FEATURES, 3, 2, 1),
            )

    def forward(self, clips: Tensor) -> Tensor:
        return torch.as_tensor(self.layers(clips).square().mean((2, 3, 4)).sqrt())


@torch.no_grad()
def features(first: Frames, clips: Frames) -> Features:
    """Of first frames uint8 [N, H, W, 3] and clips uint8 [N, T, H, W, 3]."""
    network, found = ClipFeatures().eval(), []
    for i in range(0, len(clips), _LOOK):
        begin = torch.from_numpy(np.array(first[i : i + _LOOK])).float()[:, None] / 127.5 - 1
        own = torch.from_numpy(np.array(clips[i : i + _LOOK])).float() / 127.5 - 1
        seen = torch.cat([own, own - begin], -1).permute(0, 4, 1, 2, 3)
        found.append(network(seen))
    return np.asarray(torch.cat(found).double().numpy())


def frechet(one: Features, other: Features) -> float:
    """Between the Gaussians of two sets (Dowson and Landau, "The Frechet distance between multivariate normal
    distributions", 1982): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))."""
    apart = one.mean(0) - other.mean(0)
    c1, c2 = np.atleast_2d(np.cov(one.T)), np.atleast_2d(np.cov(other.T))
    both: Any = np.linalg.eigvals(c1 @ c2)  # of a product of two such matrices: real and not below 0
    shared = np.sqrt(np.maximum(both.real, 0)).sum()
    return float(max(0.0, apart @ apart + np.trace(c1) + np.trace(c2) - 2 * shared))
